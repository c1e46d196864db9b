using RaftKv.Protocol.Etcd;
using RaftKv.Raft;
using RaftKv.Rpc;
using RaftKv.Server.Api;
using static RaftKv.Server.Tests.Api.ApiHost;

namespace RaftKv.Server.Tests.Api;

/// <summary>What is asked of every call before its request is looked at.</summary>
public sealed class CallRulesTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async ValueTask InitializeAsync() => _api = await ApiHost.StartAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task A_learner_answers_what_needs_no_vote()
    {
        _api.Member.Status = _api.Member.Status with { IsLearner = true };
        var refused = new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: rpc not supported for learner");

        Assert.Equal(refused, await _api.RefusedAsync("KV/Range", new RangeRequest { Key = Bytes("k") }));
        Assert.Equal(refused, await _api.RefusedAsync("KV/Range", new RangeRequest()));
        Assert.Equal(refused, await _api.RefusedAsync("KV/Put", new PutRequest()));
        Assert.Equal(refused, await _api.RefusedAsync("Lease/LeaseGrant", new LeaseGrantRequest()));
        await using var watch = _api.Duplex<WatchRequest, WatchResponse>("Watch/Watch");
        Assert.Equal(refused, (await Assert.ThrowsAsync<RpcException>(async () => await watch.Responses.ReadAsync())).Status);
        await _api.CallAsync<RangeResponse>("KV/Range", new RangeRequest { Key = Bytes("k"), Serializable = true });
    }

    [Theory]
    [InlineData("true", true)]
    [InlineData("True", false)]
    [InlineData("1", false)]
    public async Task A_call_that_needs_a_leader_is_refused_without_one(string value, bool isRefused)
    {
        _api.Member.Status = _api.Member.Status with { Leader = NodeId.None };
        var range = new RangeRequest { Key = Bytes("k"), Serializable = true };
        if (isRefused)
        {
            Assert.Equal(ApiErrors.NoLeader, await _api.RefusedAsync("KV/Range", range, ("hasleader", value)));
        }
        else
        {
            await _api.CallAsync<RangeResponse>("KV/Range", range, ("hasleader", value));
        }
    }

    [Fact]
    public async Task A_version_label_has_to_be_text()
    {
        await _api.CallAsync<RangeResponse>("KV/Range", new RangeRequest { Key = Bytes("k") }, ("client-api-version", "3.6"));

        var (status, _) = await RawCall.UnaryAsync(
            _api.Address, "/etcdserverpb.KV/Range", new RangeRequest { Key = Bytes("k") }, "client-api-version", [0x33, 0xff, 0xfe]);
        Assert.Equal(new RpcStatus(RpcStatusCode.InvalidArgument, "etcdserver: invalid client api version"), status);
        var (accepted, _) = await RawCall.UnaryAsync(
            _api.Address, "/etcdserverpb.KV/Range", new RangeRequest { Key = Bytes("k") }, "client-api-version", [0xc3, 0xa9]);
        Assert.Equal(RpcStatus.Ok, accepted);
    }
}
