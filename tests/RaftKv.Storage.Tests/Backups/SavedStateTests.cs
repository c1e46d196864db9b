using System.Buffers;
using System.Security.Cryptography;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Backups;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Snapshots;
using RaftKv.Storage.State;
using RaftKv.Storage.Tests.Snapshots;

namespace RaftKv.Storage.Tests.Backups;

/// <summary>A snapshot as a file: read, checked, turned into one of etcd, and taken in.</summary>
public sealed class SavedStateTests
{
    private readonly SimulatedFileSystem _disk = new(seed: 1);

    [Fact]
    public void A_whole_one_says_what_is_in_it()
    {
        Save("/saved");
        using var saved = SavedState.Open(_disk, "/saved");
        saved.CheckSum();

        var records = 0;
        var tables = saved.Read((_, _) => records++, out var facts);

        Assert.Equal(SnapshotMaker.RaftKv, facts.Maker);
        Assert.Equal(tables.Keys.Revision, facts.Revision);
        Assert.Equal(records, facts.TotalKeys);
        Assert.Equal("raftkv-1", facts.Version);
        Assert.Equal(0, facts.TotalBytes % SavedState.Block);
    }

    [Fact]
    public void Every_flipped_bit_is_refused_with_a_place()
    {
        var length = Save("/saved");
        for (var offset = 0; offset < length; offset++)
        {
            _disk.FlipBit("/saved", offset, offset % 8);
            var damaged = Check("/saved");
            Assert.InRange(damaged.Offset, 0, length);

            // The place is that of the frame, or of the sum where only that is wrong.
            Assert.True(damaged.Offset <= offset || offset < 12, $"byte {offset} was damaged, and {damaged.Message}");
            _disk.FlipBit("/saved", offset, offset % 8);
        }

        using var saved = SavedState.Open(_disk, "/saved");
        saved.CheckSum();
    }

    [Fact]
    public void Every_cut_is_refused_with_a_place()
    {
        var whole = Save("/saved");
        using var file = _disk.OpenFile("/saved");
        for (var length = whole - 1; length >= 0; length--)
        {
            file.Truncate(length);
            Assert.InRange(Check("/saved").Offset, 0, length);
        }
    }

    [Fact]
    public void Etcds_own_form_has_the_same_in_it()
    {
        Save("/saved");
        Export("/saved", "/etcd");

        var (ours, oursTables) = ReadAll("/saved");
        var (etcds, etcdsTables) = ReadAll("/etcd");

        Assert.Equal(ours.OrderBy(one => one.Revision).Select(Text), etcds.Select(Text));
        Assert.Equal(oursTables.Keys.Revision, etcdsTables.Keys.Revision);
        Assert.Equal(oursTables.Keys.Compacted > 0 ? oursTables.Keys.Compacted : -1, etcdsTables.Keys.Compacted);
        Assert.Equal(
            oursTables.Leases.Sorted().Select(lease => (lease.Id, lease.Ttl, lease.RemainingTtl)),
            etcdsTables.Leases.Sorted().Select(lease => (lease.Id, lease.Ttl, lease.RemainingTtl)));
        Assert.Equal(Bytes(oursTables.Auth), Bytes(etcdsTables.Auth));
    }

    [Fact]
    public void Every_flipped_bit_of_etcds_form_is_refused()
    {
        Save("/saved");
        var length = Export("/saved", "/etcd");
        for (var offset = 0L; offset < length; offset += 5)
        {
            _disk.FlipBit("/etcd", offset, (int)(offset % 8));
            Check("/etcd");
            _disk.FlipBit("/etcd", offset, (int)(offset % 8));
        }
    }

    [Fact]
    public void A_file_without_a_sum_is_refused_and_read_all_the_same_when_that_is_wanted()
    {
        Save("/saved");
        var length = Export("/saved", "/etcd");
        using (var file = _disk.OpenFile("/etcd"))
        {
            file.Truncate(length - SavedState.SumBytes);
        }

        Assert.Contains("no sum", Check("/etcd").Message, StringComparison.Ordinal);
        Assert.NotEmpty(ReadAll("/etcd").Records);
    }

    [Fact]
    public void A_file_that_is_neither_is_refused()
    {
        using (var file = _disk.CreateFile("/picture"))
        {
            file.WriteAt(0, new byte[10_000]);
        }

        Assert.Contains("page 0", Check("/picture").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_state_that_is_taken_in_goes_on_behind_all_that_anybody_has_seen()
    {
        Save("/saved");
        var store = NewStore();
        long revision;
        using (var saved = SavedState.Open(_disk, "/saved"))
        {
            var tables = StateRestoration.Fill(
                store, saved, read => StateRestoration.Raised(read, 1000) with { Applied = new(2, 1) });
            revision = tables.Keys.Revision;
        }

        store.Dispose();
        _disk.Crash(UnsyncedFate.Lost);
        using var again = StateStore.Open(_disk, "/state", 1, new LogRecordStoreMaker(_disk));
        using var original = SampleState.NewMachine();
        using var view = again.Machine.Keys.OpenView();
        using var before = original.Keys.OpenView();

        Assert.Equal(before.Revision + 1000, revision);
        Assert.Equal((revision, revision), (view.Revision, view.Compacted));
        Assert.Equal(Live(before), Live(view));
        Assert.Equal(
            original.Leases.Sorted().Select(lease => (lease.Id, lease.Keys.Count)),
            again.Machine.Leases.Sorted().Select(lease => (lease.Id, lease.Keys.Count)));
        Assert.True(again.Machine.Requests.MayBeForgotten(new ClientRequest(1, 1, before.Revision)));
    }

    private static string Text((Revision Revision, byte[] Record) one) => $"{one.Revision} {Convert.ToHexString(one.Record)}";

    private static byte[] Bytes(AuthTable table)
    {
        var bytes = new ArrayBufferWriter<byte>();
        table.WriteTo(bytes);
        return bytes.WrittenSpan.ToArray();
    }

    private static List<string> Live(KeySpaceView view)
    {
        var live = new List<string>();
        for (var keys = view.Keys.Scan(KeyRange.All); keys.MoveNext();)
        {
            live.Add($"{Convert.ToHexString(keys.Key)} {keys.Current}");
        }

        return live;
    }

    private StateStore NewStore()
    {
        _disk.CreateDirectory("/state");
        _disk.SyncDirectory("/");
        return StateStore.Open(_disk, "/state", 1, new LogRecordStoreMaker(_disk));
    }

    private SnapshotDamagedException Check(string path)
    {
        using var saved = SavedState.Open(_disk, path);
        return Assert.Throws<SnapshotDamagedException>(saved.CheckSum);
    }

    private (List<(Revision Revision, byte[] Record)> Records, StateTables Tables) ReadAll(string path)
    {
        using var saved = SavedState.Open(_disk, path);
        var records = new List<(Revision, byte[])>();
        return (records, saved.Read((revision, record) => records.Add((revision, record.ToArray())), out _));
    }

    private long Export(string from, string to)
    {
        _disk.CreateFile(to).Dispose();
        _disk.CreateFile(to + ".scratch").Dispose();
        EtcdExport.Write(_disk, from, to, to + ".scratch");
        using var file = _disk.OpenFileToRead(to);
        Assert.Equal(SavedState.SumBytes, file.Length % SavedState.Block);
        return file.Length;
    }

    private long Save(string path)
    {
        using var machine = SampleState.NewMachine();
        var content = SampleState.SnapshotOf(machine);
        var padded = new byte[(content.Length + SavedState.Block - 1) / SavedState.Block * SavedState.Block];
        content.CopyTo(padded, 0);
        using var file = _disk.CreateFile(path);
        file.WriteAt(0, padded);
        file.WriteAt(padded.Length, SHA256.HashData(padded));
        return file.Length;
    }
}
