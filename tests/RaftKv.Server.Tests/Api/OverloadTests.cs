using RaftKv.Protocol.Etcd;
using RaftKv.Server.Api;
using RaftKv.Server.Tests.Peers;

namespace RaftKv.Server.Tests.Api;

/// <summary>What goes on, and what is refused, at a member that has too much to do.</summary>
public sealed class OverloadTests
{
    [Fact]
    public async Task Reads_and_writes_are_refused_for_certain_and_leases_go_on()
    {
        await using var api = await ApiHost.StartAsync(new ApiOptions { MaxPendingReads = 1, MaxPendingWriteBytes = 1 });
        var lease = await api.CallAsync<LeaseGrantResponse>("Lease/LeaseGrant", new LeaseGrantRequest { TTL = 60 });
        var gate = new TaskCompletionSource();
        api.Member.Gate = gate.Task;
        var read = api.GetAsync("k");
        await TestMember.Until(() => api.Member.QuorumWaits == 1);
        var write = api.PutAsync("k");
        await TestMember.Until(() => api.Gate.WriteBytes > 0);

        Assert.Equal(ApiErrors.TooManyRequests, await api.RefusedAsync("KV/Range", new RangeRequest { Key = ApiHost.Bytes("k") }));
        var txn = new TxnRequest { Success = { new RequestOp { RequestRange = new RangeRequest { Key = ApiHost.Bytes("k") } } } };
        Assert.Equal(ApiErrors.TooManyRequests, await api.RefusedAsync("KV/Txn", txn));
        Assert.Equal(ApiErrors.TooManyRequests, await api.RefusedAsync("KV/Put", new PutRequest { Key = ApiHost.Bytes("l") }));
        var left = await api.CallAsync<LeaseTimeToLiveResponse>("Lease/LeaseTimeToLive", new LeaseTimeToLiveRequest { ID = lease.ID });
        Assert.InRange(left.TTL, 1, 60);

        gate.SetResult();
        await Task.WhenAll(read, write);
        await api.GetAsync("k");
        await api.PutAsync("l");
    }
}
