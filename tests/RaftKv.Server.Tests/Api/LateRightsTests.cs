using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using static RaftKv.Server.Tests.Api.ApiHost;

namespace RaftKv.Server.Tests.Api;

/// <summary>A member that has not heard yet that others have taken a right away: it hears of it when it asks them.</summary>
public sealed class LateRightsTests : IAsyncLifetime
{
    private readonly TaskCompletionSource _heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ApiHost _api = null!;
    private int _waits;

    public async ValueTask InitializeAsync()
    {
        _api = await ApiHost.StartAsync(callers: new NamedCallers());
        await _api.CallAsync<LeaseGrantResponse>("Lease/LeaseGrant", new LeaseGrantRequest { ID = 7, TTL = 600 });
        await _api.PutAsync("a", "secret", lease: 7);
        var member = _api.Member;
        member.Propose(new UserAddCommand(Caller.Nobody, "root", default, HasNoPassword: true));
        member.Propose(new UserGrantRoleCommand(Caller.Nobody, "root", "root"));
        member.Propose(new UserAddCommand(Caller.Nobody, "alice", default, HasNoPassword: true));
        member.Propose(new RoleAddCommand(Caller.Nobody, "reader"));
        member.Propose(new RoleGrantPermissionCommand(Caller.Nobody, "reader", new Permission(PermissionKind.Read, "a"u8.ToArray(), default)));
        member.Propose(new UserGrantRoleCommand(Caller.Nobody, "alice", "reader"));
        member.Propose(new AuthEnableCommand());
        Assert.True(member.Auth.IsEnabled);
    }

    public async ValueTask DisposeAsync()
    {
        _heard.TrySetResult();
        await _api.DisposeAsync();
    }

    [Fact]
    public async Task Whoever_still_may_is_let_in()
    {
        Assert.False((await WatchAsync()).Canceled);
        Assert.Equal(RpcStatusCode.Ok, (await AskAsync("Lease/LeaseTimeToLive", new LeaseTimeToLiveRequest { ID = 7, Keys = true })).Code);
        Assert.Equal(RpcStatusCode.Ok, (await AskAsync("Lease/LeaseLeases", new LeaseLeasesRequest())).Code);
    }

    [Fact]
    public async Task A_watch_is_refused_to_whoever_lost_the_right_to_it()
    {
        (_api.Member.Gate, _waits) = (_heard.Task, _api.Member.QuorumWaits);
        var watch = WatchAsync();
        await TakeAwayAsync(watch);
        var refused = await watch;

        Assert.True(refused.Canceled);
        Assert.Contains("permission denied", refused.CancelReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_of_a_lease_are_not_told_to_whoever_lost_the_right_to_them()
        => await RefusedAsync("Lease/LeaseTimeToLive", new LeaseTimeToLiveRequest { ID = 7, Keys = true });

    [Fact]
    public async Task Nor_are_leases_with_such_keys() => await RefusedAsync("Lease/LeaseLeases", new LeaseLeasesRequest());

    private async Task RefusedAsync(string method, IMessage request)
    {
        (_api.Member.Gate, _waits) = (_heard.Task, _api.Member.QuorumWaits);
        var asked = AskAsync(method, request);
        await TakeAwayAsync(asked);

        Assert.Equal(RpcStatusCode.PermissionDenied, (await asked).Code);
    }

    // When the call waits for what the others know; one that does not wait is answered too early.
    private async Task TakeAwayAsync(Task call)
    {
        while (_api.Member.QuorumWaits == _waits && !call.IsCompleted)
        {
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        _api.Member.Propose(new UserRevokeRoleCommand(new Caller("root", long.MaxValue), "alice", "reader"));
        _heard.SetResult();
    }

    private async Task<WatchResponse> WatchAsync()
    {
        await using var call = _api.Duplex<WatchRequest, WatchResponse>("Watch/Watch", ("token", "alice"));
        await call.Requests.WriteAsync(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = Bytes("a") } });
        await foreach (var response in call.Responses)
        {
            return response;
        }

        throw new InvalidOperationException("The stream ended without an answer.");
    }

    private async Task<RpcStatus> AskAsync(string method, IMessage request)
    {
        try
        {
            await (request is LeaseLeasesRequest
                ? _api.CallAsync<LeaseLeasesResponse>(method, request, ("token", "alice"))
                : (Task)_api.CallAsync<LeaseTimeToLiveResponse>(method, request, ("token", "alice")));
            return RpcStatus.Ok;
        }
        catch (RpcException refused)
        {
            return refused.Status;
        }
    }
}
