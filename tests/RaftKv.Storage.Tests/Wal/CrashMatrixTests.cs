using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Wal;

namespace RaftKv.Storage.Tests.Wal;

/// <summary>
/// The power goes at every single operation of every kind of step, and whatever the disk makes of it, the log that is
/// opened afterwards holds what was promised: the state before the step that was cut short, or the state after it.
/// </summary>
public sealed class CrashMatrixTests
{
    private const ulong Identity = 0xC0FFEE;

    private static readonly WalOptions Small = new() { SegmentBytes = 8 * 1024, TailBytes = 2_000 };

    // Every kind of step, with rolls (prepared and not), releases of several segments and an oversized one among them.
    private static readonly WalStep[] Story =
    [
        WalStep.Append(new HardState(1, new NodeId(1), 0)),
        WalStep.Append(new HardState(1, new NodeId(1), 0), NaiveLog.NewEntry(1, 1, 300), NaiveLog.NewEntry(1, 2, 3_000)),
        WalStep.Append(new HardState(1, new NodeId(1), 1), NaiveLog.NewEntry(1, 3, 2_500)),
        WalStep.Append(null, NaiveLog.NewEntry(1, 4, 2_500)),
        WalStep.Prepare(),
        WalStep.Append(new HardState(2, new NodeId(2), 2), NaiveLog.NewEntry(2, 3, 3_500), NaiveLog.NewEntry(2, 4, 0)),
        WalStep.Append(null, NaiveLog.NewEntry(2, 5, 4_000)),
        WalStep.Compact(2, 4),
        WalStep.Append(null, NaiveLog.NewEntry(2, 6, 20_000)),
        WalStep.Append(null, NaiveLog.NewEntry(2, 7, 100), NaiveLog.NewEntry(2, 8, 100)),
        WalStep.Compact(2, 7),
        WalStep.Reset(new LogPosition(3, 50), new HardState(3, NodeId.None, 50)),
        WalStep.Append(null, NaiveLog.NewEntry(3, 51, 600)),
    ];

    [Fact]
    public void Whenever_the_power_goes_what_was_promised_is_there()
    {
        var operations = CountOperations();
        for (var at = 0L; at < operations; at++)
        {
            for (var seed = 0ul; seed < 25; seed++)
            {
                Crash(at, seed, $"power cut at operation {at}, seed {seed}");
            }
        }
    }

    [Fact]
    public void What_a_restarted_process_has_shown_survives_the_power_cut_that_follows()
    {
        var operations = CountOperations();
        for (var at = 0L; at < operations; at++)
        {
            for (var seed = 0ul; seed < 10; seed++)
            {
                var what = $"killed at operation {at}, seed {seed}";
                var disk = NewDisk(seed);
                disk.CrashAtOperation = at;
                var (before, after) = Play(disk, out _);
                disk.EndProcess();
                if (before is null && (!disk.DirectoryExists("/wal") || !WriteAheadLog.Exists(disk, "/wal")))
                {
                    continue;
                }

                // Making the directory certain is for whoever made it.
                disk.SyncDirectory("/");
                NaiveLog shown;
                using (var log = Open(disk, what))
                {
                    AssertEither(log, before ?? NaiveLog.Empty, after, what);
                    shown = ModelOf(log);
                }

                disk.Crash();
                using var reopened = Open(disk, what);
                Assert.True(shown.DifferenceTo(reopened) is null, $"{what}: {shown.DifferenceTo(reopened)}");
            }
        }
    }

    private static long CountOperations()
    {
        var disk = NewDisk(seed: 0);
        Play(disk, out _);
        return disk.OperationCount;
    }

    private static void Crash(long at, ulong seed, string what)
    {
        var disk = NewDisk(seed);
        disk.CrashAtOperation = at;
        var (before, after) = Play(disk, out var wasCut);
        Assert.True(wasCut, what);
        disk.Crash();

        if (!disk.DirectoryExists("/wal") || !WriteAheadLog.Exists(disk, "/wal"))
        {
            Assert.True(before is null, $"{what}: the log is gone");
            return;
        }

        // Recovery itself is cut short as well, at every operation in turn, before it may finish.
        for (var again = 0; ; again++)
        {
            disk.CrashAtOperation = disk.OperationCount + again;
            try
            {
                using var log = Open(disk, what);
                AssertEither(log, before ?? NaiveLog.Empty, after, what);
                Continue(disk, log, what);
                return;
            }
            catch (PowerCutException)
            {
                disk.Crash();
            }
        }
    }

    // What was recovered is durable now, and the log can be appended to.
    private static void Continue(SimulatedFileSystem disk, WriteAheadLog log, string what)
    {
        disk.CrashAtOperation = null;
        var model = ModelOf(log);
        var entry = NaiveLog.NewEntry(Math.Max(9, log.Last.Term), log.Last.Index + 1, 900);
        log.Append(new WalBatch { Entries = [entry] });
        disk.Crash();
        using var reopened = Open(disk, what);
        Assert.True(model.Append(null, entry).DifferenceTo(reopened) is null, $"{what}: after recovery and one more entry");
        Assert.Null(reopened.TornTail);
    }

    private static NaiveLog ModelOf(WriteAheadLog log)
    {
        var entries = Array.Empty<Entry>();
        if (log.Last.Index > log.Start.Index)
        {
            Assert.Equal(WalRead.Found, log.Read(log.Start.Index + 1, log.Last.Index, long.MaxValue, out var read));
            entries = read.ToArray();
        }

        return new NaiveLog(log.Start, log.HardState, entries);
    }

    private static WriteAheadLog Open(SimulatedFileSystem disk, string what)
    {
        try
        {
            return WriteAheadLog.Open(disk, "/wal", Identity, Small);
        }
        catch (WalDamagedException damaged)
        {
            throw new Xunit.Sdk.XunitException($"{what}: {damaged.Message}");
        }
    }

    private static void AssertEither(WriteAheadLog log, NaiveLog before, NaiveLog after, string what)
    {
        if (before.DifferenceTo(log) is { } one && after.DifferenceTo(log) is { } other)
        {
            Assert.Fail($"{what}: neither before ({one}) nor after ({other})");
        }
    }

    // Returns the states that the log may be in: before is null while not even its creation was promised.
    private static (NaiveLog? Before, NaiveLog After) Play(SimulatedFileSystem disk, out bool wasCut)
    {
        var before = (NaiveLog?)null;
        var after = NaiveLog.Empty;
        wasCut = true;
        try
        {
            disk.CreateDirectory("/wal");
            disk.SyncDirectory("/");
            using var log = WriteAheadLog.Create(disk, "/wal", Identity, Small);
            before = after;
            foreach (var step in Story)
            {
                after = step.Model(before);
                step.Do(log);
                before = after;
            }
        }
        catch (PowerCutException)
        {
            return (before, after);
        }

        wasCut = false;
        return (before, after);
    }

    private static SimulatedFileSystem NewDisk(ulong seed) => new(seed);

    [Fact]
    public void Whatever_was_being_done_and_however_often_the_power_goes_nothing_promised_is_lost()
    {
        for (var seed = 0ul; seed < 150; seed++)
        {
            var chance = new Chance(seed);
            var disk = new SimulatedFileSystem(chance.Stream("disk"));
            disk.CreateDirectory("/wal");
            disk.SyncDirectory("/");
            var log = WriteAheadLog.Create(disk, "/wal", Identity, Small);
            var model = NaiveLog.Empty;
            for (var round = 0; round < 12; round++)
            {
                disk.CrashAtOperation = disk.OperationCount + chance.Below(25);
                var after = model;
                var steps = "";
                try
                {
                    while (true)
                    {
                        var step = WalStep.Draw(model, chance);
                        steps += "; " + step.Name;
                        after = step.Model(model);
                        step.Do(log);
                        model = after;
                    }
                }
                catch (PowerCutException)
                {
                    log.Dispose();
                    disk.Crash();
                }

                var what = $"seed {seed}, round {round}{steps}";
                log = Open(disk, what);
                AssertEither(log, model, after, what);
                model = ModelOf(log);
            }

            log.Dispose();
        }
    }
}
