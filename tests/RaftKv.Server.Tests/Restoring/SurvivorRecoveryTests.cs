using RaftKv.Server.Bootstrap;
using RaftKv.Server.Tests.Hosting;
using RaftKv.Server.Tests.Peers;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Backups;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

namespace RaftKv.Server.Tests.Restoring;

/// <summary>What becomes of the last member that is left.</summary>
public sealed class SurvivorRecoveryTests
{
    [Fact]
    public async Task A_survivor_goes_on_alone_with_what_it_has_and_the_others_are_not_listened_to()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        var revision = (await SmallCluster.PutAsync(cluster[0], "k", "v")).Revision;
        await TestMember.Until(() => cluster.Running.All(node => HasApplied(node, revision)));
        var (self, oldCluster) = (cluster[1].Member.Self, cluster[1].Member.ClusterId);
        for (var i = 0; i < 3; i++)
        {
            await cluster.StopAsync(i);
        }

        var report = SurvivorRecovery.Run(new RecoveryOptions { DataDirectory = cluster.DataPath(1) });

        Assert.True(report.IsDone);
        Assert.Equal(self, report.Self);
        Assert.Equal(2, report.Dropped.Count);
        Assert.Equal(revision, report.SavedRevision);
        await cluster.StartAsync(1);
        await cluster[1].WaitUntilReadyAsync(TestContext.Current.CancellationToken);
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[1], "k"));
        Assert.InRange((await SmallCluster.PutAsync(cluster[1], "k", "w")).Revision, revision + StateRestoration.DefaultBump + 1, long.MaxValue);
        Assert.Equal(self, Assert.Single(cluster[1].Member.Members).Id);
        Assert.Equal(report.ClusterId, cluster[1].Member.ClusterId);
        Assert.NotEqual(oldCluster, cluster[1].Member.ClusterId);

        // The others come back after all: they agree among themselves, and not with the survivor.
        await Task.WhenAll(cluster.StartAsync(0), cluster.StartAsync(2));
        await cluster[0].WaitUntilReadyAsync(TestContext.Current.CancellationToken);
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[0], "k"));
        Assert.Equal("w", await SmallCluster.GetAsync(cluster[1], "k"));
    }

    [Fact]
    public async Task A_survivor_takes_new_members_in()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        await SmallCluster.PutAsync(cluster[0], "k", "v");
        for (var i = 0; i < 3; i++)
        {
            await cluster.StopAsync(i);
        }

        SurvivorRecovery.Run(new RecoveryOptions { DataDirectory = cluster.DataPath(0) });
        await cluster.StartAsync(0);
        await cluster[0].WaitUntilReadyAsync(TestContext.Current.CancellationToken);

        var added = await cluster.JoinAsync();

        await cluster[added].WaitUntilReadyAsync(TestContext.Current.CancellationToken);
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[added], "k"));
    }

    [Fact]
    public async Task A_dry_run_says_what_would_happen_and_changes_nothing()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        var revision = (await SmallCluster.PutAsync(cluster[0], "k", "v")).Revision;
        await TestMember.Until(() => cluster.Running.All(node => HasApplied(node, revision)));
        for (var i = 0; i < 3; i++)
        {
            await cluster.StopAsync(i);
        }

        var report = SurvivorRecovery.Run(new RecoveryOptions { DataDirectory = cluster.DataPath(1), IsDryRun = true });

        Assert.False(report.IsDone);
        Assert.Equal(2, report.Dropped.Count);
        Assert.Equal(revision, report.SavedRevision);
        Assert.InRange(report.Last, report.Committed, ulong.MaxValue);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(cluster.StartAsync));
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[1], "k"));
        Assert.Equal(3, cluster[1].Member.Members.Count);
    }

    [Fact]
    public async Task A_member_that_runs_is_left_alone()
    {
        await using var cluster = await SmallCluster.StartAsync(1);
        Assert.Throws<FileLockedException>(() => SurvivorRecovery.Run(new RecoveryOptions { DataDirectory = cluster.DataPath(0) }));
        await SmallCluster.PutAsync(cluster[0], "k", "v");
        await cluster.StopAsync(0);
        await cluster.StartAsync(0);
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[0], "k"));
    }

    [Fact]
    public async Task A_member_that_is_to_be_alone_at_its_start_is_so()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        await SmallCluster.PutAsync(cluster[0], "k", "v");
        for (var i = 0; i < 3; i++)
        {
            await cluster.StopAsync(i);
        }

        await using (var alone = await RaftKvNode.StartAsync(
            cluster.OptionsOf(2) with { ForcesNewCluster = true }, TestContext.Current.CancellationToken))
        {
            await alone.WaitUntilReadyAsync(TestContext.Current.CancellationToken);
            Assert.Single(alone.Member.Members);
            await SmallCluster.PutAsync(alone, "k", "w");
        }

        // Told so once more, it has nothing to do any more.
        await using var again = await RaftKvNode.StartAsync(
            cluster.OptionsOf(2) with { ForcesNewCluster = true }, TestContext.Current.CancellationToken);
        Assert.Equal("w", await SmallCluster.GetAsync(again, "k"));
        using var view = again.Member.OpenView();
        Assert.InRange(view.Revision, StateRestoration.DefaultBump, 2 * StateRestoration.DefaultBump);
    }

    [Fact]
    public void A_directory_without_a_member_is_refused()
    {
        var folder = Directory.CreateTempSubdirectory("raftkv-test-").FullName;
        var refused = Assert.Throws<BootstrapException>(() => SurvivorRecovery.Run(new RecoveryOptions { DataDirectory = folder }));
        Assert.Contains("not the data directory of a member", refused.Message, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Whatever_step_the_power_goes_in_it_can_be_done_again()
    {
        byte[] snapshot;
        await using (var cluster = await SmallCluster.StartAsync(1))
        {
            await SmallCluster.PutAsync(cluster[0], "k", "v");
            snapshot = await SnapshotFiles.OfAsync(cluster[0]);
        }

        for (var step = 0; ; step++)
        {
            var disk = NewMember(snapshot, (ulong)step + 1);
            disk.CrashAtOperation = disk.OperationCount + step;
            var isDone = false;
            try
            {
                Recover(disk);
                isDone = true;
            }
            catch (PowerCutException)
            {
                disk.Crash();
            }

            if (DataDirectory.UnfinishedWork(disk, "/data") is not null)
            {
                var refused = Assert.Throws<DataDirectoryRefusedException>(() => DataDirectory.Open(disk, "/data", 1));
                Assert.Equal(DataDirectoryRefusal.Unfinished, refused.Refusal);
            }

            disk.CrashAtOperation = null;
            Recover(disk);
            using var directory = DataDirectory.Open(disk, "/data", 1);
            using var store = StateStore.Open(disk, directory.Subdirectory("state"), directory.Identity, new LogRecordStoreMaker(disk));
            using var wal = WriteAheadLog.Open(disk, directory.Subdirectory("wal"), directory.Identity);
            Assert.Equal(store.Machine.Applied, wal.Last);
            Assert.Equal(wal.HardState.Term, wal.Last.Term);
            Assert.Single(store.Machine.Members.Members);
            using var view = store.Machine.Keys.OpenView();
            Assert.Equal(1, view.Keys.LiveKeys);
            if (isDone)
            {
                break;
            }
        }
    }

    private static bool HasApplied(RaftKvNode node, long revision)
    {
        using var view = node.Member.OpenView();
        return view.Revision == revision;
    }

    private static void Recover(SimulatedFileSystem disk)
        => SurvivorRecovery.Run(
            new RecoveryOptions { DataDirectory = "/data" }, new RaftKvOptions { DataDirectory = "/data" }, new DiskGround(disk));

    // One of three, on a disk of its own.
    private static SimulatedFileSystem NewMember(byte[] snapshot, ulong seed)
    {
        var disk = new SimulatedFileSystem(seed);
        using (var file = disk.CreateFile("/snapshot"))
        {
            file.WriteAt(0, snapshot);
            file.Sync();
        }

        Restoration.Run(
            new RestorationOptions
            {
                Snapshot = "/snapshot",
                Name = "a",
                DataDirectory = "/data",
                InitialCluster = [("a", new Uri("http://a:1")), ("b", new Uri("http://b:1")), ("c", new Uri("http://c:1"))],
            },
            new DiskGround(disk));
        return disk;
    }
}
