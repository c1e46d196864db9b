using RaftKv.Compatibility.Tests.Stores;
using RaftKv.Protocol.Etcd;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Backups;

/// <summary>Snapshots on their ways: from etcd to RaftKv, from RaftKv to etcd, and home.</summary>
public sealed class SnapshotTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-snapshots-").FullName;

    private string File => Path.Combine(_folder, "snapshot");

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task What_etcd_has_saved_is_what_raftkv_restores(int members)
    {
        Tool.NeedAll();
        var before = await SaveAsync(StoreKind.Etcd, [Tool.Etcdctl, "snapshot", "save", File]);

        // Both tools say the same of it, but that ours has a column for a version that 3.4 does not say.
        var status = await Tool.RunAsync(Tool.Etcdctl, "snapshot", "status", File);
        Assert.Equal(status.TrimEnd('\n') + ", \n", await Tool.RunAsync(Tool.RaftKv, "snapshot", "status", File));

        await using var store = await Target.StartPreparedAsync(StoreKind.RaftKv, members, (member, cluster) => RestoreAsync(Tool.RaftKv, member, cluster));
        await using var client = new StoreClient(store.Members[members - 1].Client);
        Assert.Equal(before.Now, await Content.NowAsync(client));
        await CheckThatOldRevisionsAreGoneAsync(client);
    }

    [Fact]
    public async Task History_comes_along_from_etcd_when_that_is_wanted()
    {
        Tool.NeedAll();
        var before = await SaveAsync(StoreKind.Etcd, [Tool.Etcdctl, "snapshot", "save", File]);

        await using var store = await Target.StartPreparedAsync(
            StoreKind.RaftKv, 1, (member, cluster) => RestoreAsync(Tool.RaftKv, member, cluster, "--bump-revision=0", "--mark-compacted=false"));

        await using var client = new StoreClient(store.Members[0].Client);
        Assert.Equal(before.History, await Content.HistoryAsync(client));
        Assert.Equal(before.Now, await Content.NowAsync(client));
    }

    [Fact]
    public async Task A_copy_of_etcds_data_file_is_restored_like_a_snapshot()
    {
        Tool.NeedAll();
        List<string> before;
        await using (var etcd = await Target.EtcdOrSkipAsync())
        {
            await using (var client = new StoreClient(etcd.Members[0].Client))
            {
                await Content.FillAsync(client);
                before = await Content.NowAsync(client);
            }

            await etcd.Members[0].StopAsync();
            System.IO.File.Copy(Path.Combine(etcd.Members[0].DataFolder, "member", "snap", "db"), File);
        }

        var (code, _, error) = await Tool.TryAsync(Tool.RaftKv, "snapshot", "status", File);
        Assert.Equal(1, code);
        Assert.Contains("there is no sum at its end", error, StringComparison.Ordinal);

        await using var store = await Target.StartPreparedAsync(
            StoreKind.RaftKv, 1, (member, cluster) => RestoreAsync(Tool.RaftKv, member, cluster, "--skip-hash-check"));
        await using var restored = new StoreClient(store.Members[0].Client);
        Assert.Equal(before, await Content.NowAsync(restored));
    }

    [Fact]
    public async Task What_raftkv_has_saved_for_etcd_is_what_etcd_restores()
    {
        Tool.NeedAll();
        var before = await SaveAsync(StoreKind.RaftKv, [Tool.RaftKv, "snapshot", "save", File, "--format=etcd"]);
        Assert.Equal(["snapshot"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
        }

        // It looks through every page, and complains of what bbolt would.
        var status = await Tool.RunAsync(Tool.Etcdctl, "snapshot", "status", File);
        var own = await Tool.RunAsync(Tool.RaftKv, "snapshot", "status", File);
        Assert.StartsWith(status.TrimEnd('\n'), own, StringComparison.Ordinal);

        await using var store = await Target.StartPreparedAsync(StoreKind.Etcd, 1, (member, cluster) => RestoreAsync(Tool.Etcdctl, member, cluster));
        await using (var client = new StoreClient(store.Members[0].Client))
        {
            Assert.Equal(before.Now, await Content.NowAsync(client));
            Assert.Equal(before.History, await Content.HistoryAsync(client));

            // bbolt goes on with the pages that we have written: fills, merges and frees them.
            for (var i = 0; i < 300; i++)
            {
                await Content.PutAsync(client, $"key/{i:d3}", $"new {i}");
            }

            var gone = await client.CallAsync<DeleteRangeResponse>(
                "delete", new DeleteRangeRequest { Key = Content.Bytes("key/"), RangeEnd = Content.Bytes("key/250") });
            await client.CallAsync<CompactionResponse>("compact", new CompactionRequest { Revision = gone.Header.Revision, Physical = true });
            await client.CallAsync<DefragmentResponse>("defragment", new DefragmentRequest());
            Assert.Equal(250, gone.Deleted);
        }

        await store.RestartAsync(store.Members[0], TestContext.Current.CancellationToken);
        await using var again = new StoreClient(store.Members[0].Client);
        var left = await again.CallAsync<RangeResponse>("range", new RangeRequest
        {
            Key = Content.Bytes("key/"),
            RangeEnd = Content.Bytes("key0"),
            CountOnly = true,
        });
        Assert.Equal(50, left.Count);
        await Content.CheckPasswordsAsync(again);
    }

    [Fact]
    public async Task What_came_from_etcd_goes_back_there()
    {
        Tool.NeedAll();
        var before = await SaveAsync(StoreKind.Etcd, [Tool.Etcdctl, "snapshot", "save", File]);
        await using (var ours = await Target.StartPreparedAsync(StoreKind.RaftKv, 1, (member, cluster) => RestoreAsync(Tool.RaftKv, member, cluster)))
        {
            System.IO.File.Delete(File);
            await Tool.RunAsync(Tool.RaftKv, "snapshot", "save", File, "--format=etcd", $"--endpoints={ours.Endpoints}");
        }

        await using var etcd = await Target.StartPreparedAsync(StoreKind.Etcd, 1, (member, cluster) => RestoreAsync(Tool.Etcdctl, member, cluster));
        await using var client = new StoreClient(etcd.Members[0].Client);
        Assert.Equal(before.Now, await Content.NowAsync(client));
        await Content.CheckPasswordsAsync(client);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task What_raftkv_has_saved_is_what_raftkv_restores(int members)
    {
        Tool.NeedAll();
        var before = await SaveAsync(StoreKind.RaftKv, [Tool.RaftKv, "snapshot", "save", File]);
        Assert.EndsWith(", raftkv-1\n", await Tool.RunAsync(Tool.RaftKv, "snapshot", "status", File), StringComparison.Ordinal);

        await using var store = await Target.StartPreparedAsync(StoreKind.RaftKv, members, (member, cluster) => RestoreAsync(Tool.RaftKv, member, cluster));
        await using var client = new StoreClient(store.Members[members - 1].Client);
        Assert.Equal(before.Now, await Content.NowAsync(client));
        await CheckThatOldRevisionsAreGoneAsync(client);
    }

    [Fact]
    public async Task A_snapshot_that_was_cut_or_changed_is_refused_with_the_place()
    {
        Tool.NeedAll();
        await SaveAsync(StoreKind.RaftKv, [Tool.RaftKv, "snapshot", "save", File]);
        var whole = await System.IO.File.ReadAllBytesAsync(File, TestContext.Current.CancellationToken);

        await System.IO.File.WriteAllBytesAsync(File, whole[..(whole.Length / 2)], TestContext.Current.CancellationToken);
        Assert.Contains("it stops before its end", await RefuseAsync(), StringComparison.Ordinal);

        whole[whole.Length / 2] ^= 1;
        await System.IO.File.WriteAllBytesAsync(File, whole, TestContext.Current.CancellationToken);
        Assert.Contains("was written", await RefuseAsync(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, "data")));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<string> RefuseAsync()
    {
        var status = await Tool.TryAsync(Tool.RaftKv, "snapshot", "status", File);
        var restore = await Tool.TryAsync(Tool.RaftKv, "snapshot", "restore", File, $"--data-dir={Path.Combine(_folder, "data")}");
        Assert.Equal((1, 1), (status.Code, restore.Code));
        Assert.Equal(status.Error, restore.Error);
        Assert.Matches("at byte [0-9]+", status.Error);
        return status.Error;
    }

    private async Task<(List<string> Now, List<string> History)> SaveAsync(StoreKind kind, string[] command)
    {
        await using var store = await Target.StartOrSkipAsync(kind);
        await using var client = new StoreClient(store.Members[0].Client);
        await Content.FillAsync(client);
        await Tool.RunAsync(command[0], [.. command[1..], $"--endpoints={store.Endpoints}"]);
        return (await Content.NowAsync(client), await Content.HistoryAsync(client));
    }

    private async Task RestoreAsync(string tool, StoreMember member, string cluster, params string[] more)
        => await Tool.RunAsync(
            tool,
            [
                "snapshot", "restore", File,
                "--name", member.Name,
                "--data-dir", member.DataFolder,
                "--initial-cluster", cluster,
                "--initial-cluster-token", StoreProcess.ClusterToken,
                "--initial-advertise-peer-urls", member.Peer.GetLeftPart(UriPartial.Authority),
                .. more,
            ]);

    // Whoever has seen the old cluster's last revision is told, whether they read or watch.
    private static async Task CheckThatOldRevisionsAreGoneAsync(StoreClient client)
    {
        var read = await client.CallAsync("range", new RangeRequest { Key = Content.Bytes("large"), Revision = 320 });
        Assert.Contains("compacted", read.Status.Detail, StringComparison.Ordinal);
        await using var watch = client.OpenWatch();
        await watch.Requests.WriteAsync(new WatchRequest
        {
            CreateRequest = new WatchCreateRequest { Key = Content.Bytes("large"), StartRevision = 320 },
        });
        await using var answers = watch.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await answers.MoveNextAsync());
        Assert.True(answers.Current.Created);
        Assert.True(await answers.MoveNextAsync());
        Assert.True(answers.Current.Canceled);
        Assert.InRange(answers.Current.CompactRevision, 1_000_000, long.MaxValue);
    }
}
