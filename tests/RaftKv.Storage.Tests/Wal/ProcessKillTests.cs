using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using RaftKv.Raft.Log;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

namespace RaftKv.Storage.Tests.Wal;

/// <summary>
/// Kills a real process (tests/RaftKv.Storage.CrashWriter) in the middle of writing to the real disk, over and over on
/// the same log, and compares what it had promised with what is there. RAFTKV_KILLS sets how often; 30 by default.
/// </summary>
public sealed class ProcessKillTests
{
    private const ulong Identity = 0xFEED;

    [Fact]
    public void Whatever_a_killed_process_had_promised_is_there()
    {
        var kills = int.Parse(Environment.GetEnvironmentVariable("RAFTKV_KILLS") ?? "30", CultureInfo.InvariantCulture);
        using var folder = new TemporaryFolder();
        var random = new Random(1);
        for (var kill = 0; kill < kills; kill++)
        {
            var promised = WriteUntilKilled(folder.Path, seed: kill, promises: random.Next(0, 150));
            AssertKept(folder.Path, promised, $"kill {kill}");
        }
    }

    private static Promise WriteUntilKilled(string folder, int seed, int promises)
    {
        var dll = Path.Join(AppContext.BaseDirectory, "RaftKv.Storage.CrashWriter.dll");
        using var writer = Process.Start(
            new ProcessStartInfo("dotnet", [dll, folder, seed.ToString(CultureInfo.InvariantCulture)])
            {
                RedirectStandardOutput = true,
            })!;
        try
        {
            var promised = default(Promise);
            for (var i = 0; i <= promises; i++)
            {
                promised = Read(writer.StandardOutput.ReadLine(), promised);
            }

            writer.Kill();

            // What it still said before it died was promised too.
            while (writer.StandardOutput.ReadLine() is { } line)
            {
                promised = Read(line, promised);
            }

            return promised;
        }
        finally
        {
            writer.Kill();
            writer.WaitForExit();
        }
    }

    private static Promise Read(string? line, Promise before)
    {
        Assert.NotNull(line);
        var words = line.Split(' ');
        if (words.Length < 2 || words[1].Split('/') is not [var term, var index] || words[^1].Length == 0)
        {
            return before; // Cut short by the kill.
        }

        var position = new LogPosition(
            ulong.Parse(term, CultureInfo.InvariantCulture), ulong.Parse(index, CultureInfo.InvariantCulture));
        return words[0] switch
        {
            "ready" or "appended" when words.Length == 3
                => before with { Last = position, Term = ulong.Parse(words[2], CultureInfo.InvariantCulture) },
            "compacted" => before with { Start = position },
            _ => before,
        };
    }

    private static void AssertKept(string folder, Promise promised, string what)
    {
        using var log = WriteAheadLog.Open(new PhysicalFileSystem(), folder, Identity, new WalOptions { SegmentBytes = 256 * 1024 });

        // In a later term the log may have become shorter; in the same one only longer.
        Assert.True(log.Last.CompareTo(promised.Last) >= 0, $"{what}: promised {promised.Last}, but there is {log.Last}");
        Assert.True(log.HardState.Term >= promised.Term, $"{what}: promised term {promised.Term}, but it is {log.HardState.Term}");
        Assert.True(log.Start.Index >= promised.Start.Index, $"{what}: promised a start at {promised.Start}, but it is {log.Start}");

        for (var index = log.Start.Index + 1; index <= log.Last.Index;)
        {
            Assert.Equal(WalRead.Found, log.Read(index, log.Last.Index, 100_000, out var entries));
            foreach (var entry in entries.Span)
            {
                Assert.Equal(index++, entry.Index);
                AssertPayload(entry, what);
            }
        }
    }

    private static void AssertPayload(in Entry entry, string what)
    {
        var payload = entry.Payload.Span;
        Assert.Equal((int)(entry.Index * 37 % 1_500), payload.Length);
        for (var i = 0; i + 8 <= payload.Length; i += 8)
        {
            if (BinaryPrimitives.ReadUInt64LittleEndian(payload[i..]) != ((entry.Term << 40) ^ (entry.Index << 16) ^ (ulong)i))
            {
                Assert.Fail($"{what}: entry {entry} holds something else at {i}");
            }
        }
    }

    private readonly record struct Promise(LogPosition Start, LogPosition Last, ulong Term);
}
