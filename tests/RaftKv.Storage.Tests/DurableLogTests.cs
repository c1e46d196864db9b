using RaftKv.Raft.Log;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Tests.Wal;
using RaftKv.Storage.Wal;

namespace RaftKv.Storage.Tests;

public sealed class DurableLogTests
{
    [Fact]
    public void It_says_in_the_words_of_the_core_what_the_log_holds()
    {
        var disk = new SimulatedFileSystem(seed: 1);
        disk.CreateDirectory("/wal");
        using var wal = WriteAheadLog.Create(disk, "/wal", identity: 1, new WalOptions { SegmentBytes = 8 * 1024 });
        wal.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, 1, 10), NaiveLog.NewEntry(2, 2, 10), NaiveLog.NewEntry(2, 3, 10)] });
        wal.Compact(new LogPosition(1, 1));
        var log = new DurableLog(wal);

        Assert.Equal(new LogPosition(1, 1), log.Start);
        Assert.Equal(new LogPosition(2, 3), log.Last);
        Assert.True(log.TryGetTerm(1, out var term));
        Assert.Equal(1ul, term);
        Assert.Equal(LogRead.Found, log.Read(2, 3, long.MaxValue, out var entries));
        Assert.Equal(2, entries.Length);
        Assert.Equal(LogRead.Compacted, log.Read(1, 3, long.MaxValue, out _));
        Assert.Equal(LogRead.Unavailable, log.Read(4, 4, long.MaxValue, out _));
        Assert.Null(log.LatestSnapshot());
    }
}
