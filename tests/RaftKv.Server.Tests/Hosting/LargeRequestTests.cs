using Google.Protobuf;
using RaftKv.Rpc;
using RaftKv.Server.Tests.Peers;
using RaftKv.Storage.Records;

namespace RaftKv.Server.Tests.Hosting;

/// <summary>Requests that are larger than etcd lets in unless it is told to.</summary>
public sealed class LargeRequestTests
{
    private const int Large = 8 * 1024 * 1024;

    [Fact]
    public async Task What_is_let_in_fits_the_store_of_every_member()
    {
        await using var cluster = await SmallCluster.StartAsync(3, options => ClientCalls.WithPort(options) with { MaxRequestBytes = Large });
        var value = ByteString.CopyFrom(new byte[Large - 1024]);
        await using (var calls = new ClientCalls(cluster[0]))
        {
            await ClientCalls.SurelyAsync(() => calls.PutAsync("large", value));
            var refused = await Assert.ThrowsAsync<RpcException>(() => calls.PutAsync("larger", ByteString.CopyFrom(new byte[Large])));
            Assert.Contains("too large", refused.Status.Detail, StringComparison.Ordinal);
        }

        foreach (var node in cluster.Running)
        {
            await using var calls = new ClientCalls(node);
            Assert.Equal(value, await ClientCalls.SurelyAsync(() => calls.GetAsync("large")));
        }

        Assert.All(cluster.Running, node => Assert.False(node.Ended.IsCompleted));
    }

    [Fact]
    public void Larger_ones_than_the_store_has_room_for_are_refused_at_the_start()
        => Assert.Contains("--max-request-bytes", Assert.Single(new RaftKvOptions { MaxRequestBytes = 40 * 1024 * 1024 }.Problems()), StringComparison.Ordinal);

    [Fact]
    public async Task A_store_that_was_made_for_smaller_ones_is_not_opened_for_larger_ones()
    {
        await using var cluster = await SmallCluster.StartAsync(
            1, options => options with { Applier = options.Applier with { CheckpointEntries = 5 } });
        var path = Path.Join(cluster.DataPath(0), "state", "CHECKPOINT");
        for (var i = 0; !File.Exists(path); i++)
        {
            await SmallCluster.PutAsync(cluster[0], $"k{i}", "v");
            await TestMember.Until(() => cluster[0].Member.Status.AppliedIndex > 0);
        }

        await cluster.StopAsync(0);
        var refused = await Assert.ThrowsAsync<RecordStoreTooNarrowException>(
            () => RaftKvNode.StartAsync(cluster.OptionsOf(0) with { MaxRequestBytes = Large }, TestContext.Current.CancellationToken));
        Assert.Contains("no larger than before", refused.Message, StringComparison.Ordinal);
        await cluster.StartAsync(0);
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[0], "k0"));
    }
}
