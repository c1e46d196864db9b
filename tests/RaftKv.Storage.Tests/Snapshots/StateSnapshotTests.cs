using System.Buffers.Binary;
using RaftKv.Raft;
using RaftKv.Storage.Snapshots;
using RaftKv.Storage.Tests.State.Model;

namespace RaftKv.Storage.Tests.Snapshots;

/// <summary>A state as a stream: the bytes of format 1, which must be read for ever, and nothing else believed.</summary>
/// <remarks>RAFTKV_REWRITE=1 writes the bytes anew, into the source tree, for a change of format that is meant.</remarks>
public sealed class StateSnapshotTests
{
    private static readonly string Golden = Path.Join(AppContext.BaseDirectory, "Snapshots", "Golden", "format1.bin");

    [Fact]
    public void The_same_state_is_written_as_the_same_bytes()
    {
        using var machine = SampleState.NewMachine();
        var bytes = SampleState.SnapshotOf(machine);
        if (Environment.GetEnvironmentVariable("RAFTKV_REWRITE") == "1")
        {
            File.WriteAllBytes(Path.Join(SourceFolder(), "format1.bin"), bytes);
        }
        else
        {
            Assert.Equal(File.ReadAllBytes(Golden), bytes);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(int.MaxValue)]
    public void Format_1_is_taken_in_whatever_pieces_it_comes_in(int pieceBytes)
    {
        using var original = SampleState.NewMachine();
        using var machine = SampleState.TakeIn(File.ReadAllBytes(Golden), pieceBytes);

        Assert.Equal(original.Hash, machine.Hash);
        Assert.Equal(original.Applied, machine.Applied);
        using var view = machine.Keys.OpenView();
        StateComparison.Check(view, SampleState.Model, new Chance(1));
        StateComparison.Check(machine.Leases, SampleState.Model);
    }

    [Fact]
    public void What_was_taken_in_is_written_as_the_same_bytes_again()
    {
        using var machine = SampleState.TakeIn(File.ReadAllBytes(Golden));
        Assert.Equal(File.ReadAllBytes(Golden), SampleState.SnapshotOf(machine));
    }

    [Fact]
    public void The_same_view_gives_the_same_bytes_while_writes_and_compactions_go_on()
    {
        using var machine = SampleState.NewMachine();
        using var view = machine.Keys.OpenView();
        var tables = new System.Buffers.ArrayBufferWriter<byte>();
        machine.WriteTables(tables);
        var before = Write();

        machine.Keys.BeginWrite();
        machine.Keys.Put("a"u8, "later"u8, lease: 0);
        machine.Keys.Delete("\xff"u8, out _);
        machine.Keys.EndWrite();
        machine.Keys.Compact(machine.Keys.Revision);
        while (machine.Keys.CompactStep(1))
        {
            machine.Keys.Publish();
        }

        Assert.Equal(before, Write());

        byte[] Write()
        {
            var writer = new StateSnapshotWriter(tables.WrittenMemory, view);
            var bytes = new System.Buffers.ArrayBufferWriter<byte>();
            while (writer.TryWrite(bytes))
            {
            }

            return bytes.WrittenSpan.ToArray();
        }
    }

    [Fact]
    public void Every_flipped_bit_is_refused_with_its_place()
    {
        var good = File.ReadAllBytes(Golden);
        for (var bit = 0; bit < good.Length * 8; bit++)
        {
            var bad = good.ToArray();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            var refusal = Refuse(bad);
            Assert.True(refusal.Offset <= bit / 8, $"bit {bit}: {refusal.Message}");
        }
    }

    [Fact]
    public void Every_cut_and_whatever_follows_the_end_is_refused()
    {
        var good = File.ReadAllBytes(Golden);
        for (var length = 0; length < good.Length; length++)
        {
            Assert.Contains("it stops before its end", Refuse(good[..length]).Message, StringComparison.Ordinal);
        }

        Refuse([.. good, 0]);
        Refuse([.. good, .. good]);
    }

    [Fact]
    public void Frames_that_are_missing_doubled_or_swapped_are_refused()
    {
        var good = File.ReadAllBytes(Golden);
        var start = good[..SnapshotFormat.StartBytes];
        var frames = FramesOf(good);
        Assert.True(frames.Count >= 4);
        for (var i = 0; i < frames.Count; i++)
        {
            var at = i;
            Refuse([.. start, .. frames.Where((_, index) => index != at).SelectMany(frame => frame)]);
            Refuse([.. start, .. frames.SelectMany((frame, index) => index == at ? frame.Concat(frame) : frame)]);
            if (i > 0)
            {
                var swapped = frames.ToList();
                (swapped[i - 1], swapped[i]) = (swapped[i], swapped[i - 1]);
                Refuse([.. start, .. swapped.SelectMany(frame => frame)]);
            }
        }
    }

    [Fact]
    public void Another_format_and_other_files_are_refused_by_name()
    {
        var newer = File.ReadAllBytes(Golden);
        newer[8] = 2;
        Assert.Contains("its format is 2, and this program knows 1", Refuse(newer).Message, StringComparison.Ordinal);
        Assert.Contains("it does not begin like one", Refuse([.. "SQLite format 3"u8]).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("02")] // A main revision and nothing else.
    [InlineData("020005")] // A record of five bytes that are not there.
    [InlineData("0200027f00")] // A record with a field that none has.
    [InlineData("0200020a09")] // A record whose key is longer than itself.
    public void A_frame_that_agrees_with_its_sum_and_makes_no_sense_is_refused(string records)
    {
        var content = Convert.FromHexString(records);
        byte[] tables = FramesOf(File.ReadAllBytes(Golden))[0];
        var sum = BinaryPrimitives.ReadUInt32LittleEndian(tables.AsSpan(5));
        var frame = new byte[SnapshotFormat.FrameHeadBytes + content.Length];
        frame[0] = (byte)SnapshotFrame.Records;
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(1), content.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(5), SnapshotFormat.Sum(sum, SnapshotFrame.Records, content));
        content.CopyTo(frame, SnapshotFormat.FrameHeadBytes);

        var refusal = Refuse([.. File.ReadAllBytes(Golden)[..SnapshotFormat.StartBytes], .. tables, .. frame]);
        Assert.Equal(SnapshotFormat.StartBytes + tables.Length, refusal.Offset);
    }

    private static SnapshotDamagedException Refuse(byte[] bytes)
        => Assert.Throws<SnapshotDamagedException>(() => SampleState.TakeIn(bytes).Dispose());

    private static List<byte[]> FramesOf(byte[] snapshot)
    {
        var frames = new List<byte[]>();
        for (var at = SnapshotFormat.StartBytes; at < snapshot.Length;)
        {
            var length = SnapshotFormat.FrameHeadBytes + BinaryPrimitives.ReadInt32LittleEndian(snapshot.AsSpan(at + 1));
            frames.Add(snapshot[at..(at + length)]);
            at += length;
        }

        return frames;
    }

    private static string SourceFolder([System.Runtime.CompilerServices.CallerFilePath] string thisFile = "")
        => Directory.CreateDirectory(Path.Join(Path.GetDirectoryName(thisFile), "Golden")).FullName;
}
