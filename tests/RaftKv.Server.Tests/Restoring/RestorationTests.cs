using RaftKv.Server.Bootstrap;
using RaftKv.Server.Tests.Hosting;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Backups;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;

namespace RaftKv.Server.Tests.Restoring;

/// <summary>Clusters that are made of a snapshot.</summary>
public sealed class RestorationTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-test-").FullName;

    private string SnapshotPath => Path.Join(_folder, "snapshot");

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Members_start_from_a_snapshot_and_go_on_behind_it(int members)
    {
        var revision = await SaveAsync();
        await using var cluster = new SmallCluster(members);
        for (var i = 0; i < members; i++)
        {
            Restore(cluster, i);
        }

        await Task.WhenAll(Enumerable.Range(0, members).Select(cluster.StartAsync));

        foreach (var node in cluster.Running)
        {
            await node.WaitUntilReadyAsync(TestContext.Current.CancellationToken);
            Assert.Equal("v9", await SmallCluster.GetAsync(node, "k9"));
            using var view = node.Member.OpenView();
            Assert.Equal(revision + StateRestoration.DefaultBump, view.Compacted);
        }

        var answer = await SmallCluster.PutAsync(cluster[0], "k9", "new");
        Assert.InRange(answer.Revision, revision + StateRestoration.DefaultBump + 1, long.MaxValue);
        Assert.Equal("new", await SmallCluster.GetAsync(cluster[members - 1], "k9"));
    }

    [Fact]
    public async Task A_restored_member_starts_again()
    {
        await SaveAsync();
        await using var cluster = new SmallCluster(1);
        Restore(cluster, 0);
        await cluster.StartAsync(0);
        await SmallCluster.PutAsync(cluster[0], "a", "b");
        await cluster.StopAsync(0);
        await cluster.StartAsync(0);

        Assert.Equal("v3", await SmallCluster.GetAsync(cluster[0], "k3"));
        Assert.Equal("b", await SmallCluster.GetAsync(cluster[0], "a"));
    }

    [Fact]
    public async Task One_that_joins_a_restored_cluster_gets_what_was_restored()
    {
        await SaveAsync();
        await using var cluster = new SmallCluster(1);
        Restore(cluster, 0);
        await cluster.StartAsync(0);
        await cluster[0].WaitUntilReadyAsync(TestContext.Current.CancellationToken);

        var added = await cluster.JoinAsync();

        await cluster[added].WaitUntilReadyAsync(TestContext.Current.CancellationToken);
        Assert.Equal("v5", await SmallCluster.GetAsync(cluster[added], "k5"));
    }

    [Fact]
    public async Task One_that_was_founded_with_nothing_beside_restored_ones_is_given_what_they_have()
    {
        await SaveAsync();
        await using var cluster = new SmallCluster(3);
        Restore(cluster, 0);
        Restore(cluster, 1);
        await Task.WhenAll(cluster.StartAsync(0), cluster.StartAsync(1));
        await cluster[0].WaitUntilReadyAsync(TestContext.Current.CancellationToken);

        await cluster.StartAsync(2);

        await cluster[2].WaitUntilReadyAsync(TestContext.Current.CancellationToken);
        Assert.Equal("v5", await SmallCluster.GetAsync(cluster[2], "k5"));
    }

    [Fact]
    public async Task A_directory_that_is_in_use_is_left_alone()
    {
        await SaveAsync();
        await using var cluster = await SmallCluster.StartAsync(1);
        await SmallCluster.PutAsync(cluster[0], "mine", "1");
        await cluster.StopAsync(0);

        var refused = Assert.Throws<DataDirectoryRefusedException>(() => Restore(cluster, 0));

        Assert.Contains("is not empty", refused.Message, StringComparison.Ordinal);
        await cluster.StartAsync(0);
        Assert.Equal("1", await SmallCluster.GetAsync(cluster[0], "mine"));
    }

    [Fact]
    public async Task A_name_that_is_not_in_the_cluster_is_refused_before_anything_is_made()
    {
        await SaveAsync();
        var path = Path.Join(_folder, "data");
        var refused = Assert.Throws<BootstrapException>(() => Restoration.Run(new RestorationOptions
        {
            Snapshot = SnapshotPath,
            Name = "other",
            DataDirectory = path,
            InitialCluster = [("m0", new Uri("http://127.0.0.1:2380"))],
        }));

        Assert.Contains("'other'", refused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(path));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whatever_step_the_power_goes_in_no_member_starts_on_half_of_it(bool isProcessAlone)
    {
        await SaveAsync();
        var snapshot = await File.ReadAllBytesAsync(SnapshotPath, TestContext.Current.CancellationToken);
        for (var step = 0; ; step++)
        {
            var disk = new SimulatedFileSystem(seed: (ulong)step + 1);
            using (var file = disk.CreateFile("/snapshot"))
            {
                file.WriteAt(0, snapshot);
                file.Sync();
            }

            disk.SyncDirectory("/");
            disk.CrashAtOperation = disk.OperationCount + step;
            try
            {
                Restore(disk);
                break;
            }
            catch (PowerCutException)
            {
                // As meant.
            }

            if (isProcessAlone)
            {
                disk.EndProcess();
            }
            else
            {
                disk.Crash();
            }

            CheckThatNobodyStarts(disk);
            if (!IsMember(disk))
            {
                Restore(disk);
            }

            CheckThatItIsWhole(disk);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // Either nothing is there, or a start is refused, or everything is there.
    private static void CheckThatNobodyStarts(SimulatedFileSystem disk)
    {
        if (!disk.DirectoryExists("/data") || IsMember(disk))
        {
            return;
        }

        if (disk.List("/data").Any(name => name is not "LOCK"))
        {
            var refused = Assert.Throws<DataDirectoryRefusedException>(() => DataDirectory.Open(disk, "/data", 1));
            Assert.Equal(DataDirectoryRefusal.Unfinished, refused.Refusal);
        }
    }

    private static bool IsMember(SimulatedFileSystem disk)
        => disk.DirectoryExists("/data")
            && MemberFile.TryRead(disk, "/data") is not null
            && DataDirectory.UnfinishedWork(disk, "/data") is null;

    private static void CheckThatItIsWhole(SimulatedFileSystem disk)
    {
        using var directory = DataDirectory.Open(disk, "/data", 1);
        Assert.NotNull(MemberFile.TryRead(disk, "/data"));
        using var store = StateStore.Open(disk, directory.Subdirectory("state"), directory.Identity, new LogRecordStoreMaker(disk));
        using var view = store.Machine.Keys.OpenView();
        Assert.Equal(10, view.Keys.LiveKeys);
        using var wal = Storage.Wal.WriteAheadLog.Open(disk, directory.Subdirectory("wal"), directory.Identity);
        Assert.Equal(store.Machine.Applied, wal.Last);
    }

    private static void Restore(SimulatedFileSystem disk)
        => Restoration.Run(new RestorationOptions { Snapshot = "/snapshot", DataDirectory = "/data" }, new DiskGround(disk));

    private void Restore(SmallCluster cluster, int index)
    {
        var options = cluster.OptionsOf(index);
        Restoration.Run(new RestorationOptions
        {
            Snapshot = SnapshotPath,
            Name = options.Name,
            DataDirectory = options.DataDirectory,
            InitialCluster = options.InitialCluster,
        });
    }

    private async Task<long> SaveAsync()
    {
        await using var cluster = await SmallCluster.StartAsync(1);
        var revision = 0L;
        for (var i = 0; i < 10; i++)
        {
            await SmallCluster.PutAsync(cluster[0], $"k{i}", "old");
            revision = (await SmallCluster.PutAsync(cluster[0], $"k{i}", $"v{i}")).Revision;
        }

        await File.WriteAllBytesAsync(SnapshotPath, await SnapshotFiles.OfAsync(cluster[0]), TestContext.Current.CancellationToken);
        return revision;
    }
}
