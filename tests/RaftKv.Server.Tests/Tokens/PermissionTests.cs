using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Server.Tests.Hosting;
using Type = RaftKv.Protocol.Auth.Permission.Types.Type;

namespace RaftKv.Server.Tests.Tokens;

/// <summary>What each call asks of its caller. Alice may read and write what begins with "a", read "r" and write "w".</summary>
public sealed class PermissionTests : IAsyncLifetime
{
    private static readonly RpcStatus Ok = RpcStatus.Ok;
    private static readonly RpcStatus Denied = new(RpcStatusCode.PermissionDenied, "etcdserver: permission denied");
    private static readonly RpcStatus Nobody = new(RpcStatusCode.InvalidArgument, "etcdserver: user name is empty");

    private SmallCluster _cluster = null!;
    private RpcChannel _channel = null!;
    private Account _nobody = null!;
    private Account _alice = null!;
    private Account _root = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await SimpleTokenTests.StartAsync(1);
        _channel = _cluster[0].OpenChannel();
        _nobody = new Account(_channel);
        await _nobody.AddUserAsync("alice", "a");
        await _nobody.AllowAsync("alice", Type.Readwrite, "a", "b");
        await _nobody.AllowAsync("alice", Type.Read, "r");
        await _nobody.AllowAsync("alice", Type.Write, "w");
        _root = await _nobody.EnableAsync();
        _alice = await _nobody.SignInAsync("alice", "a");
    }

    public async ValueTask DisposeAsync()
    {
        await _channel.DisposeAsync();
        await _cluster.DisposeAsync();
    }

    [Fact]
    public async Task Keys_are_read_and_written_by_those_who_may()
    {
        Assert.Equal(Ok, await _alice.PutAsync("a1"));
        Assert.Equal(Ok, await _alice.PutAsync("a1", wantsPrevious: true));
        Assert.Equal(Ok, await _alice.GetAsync("a", "b"));
        Assert.Equal(Ok, await _alice.GetAsync("a1", "a9"));
        Assert.Equal(Ok, await _alice.GetAsync("r"));
        Assert.Equal(Ok, await _alice.PutAsync("w"));
        Assert.Equal(Denied, await _alice.PutAsync("r"));
        Assert.Equal(Denied, await _alice.GetAsync("w"));
        Assert.Equal(Denied, await _alice.PutAsync("w", wantsPrevious: true));
        Assert.Equal(Denied, await _alice.GetAsync("a", "b\0"));
        Assert.Equal(Denied, await _alice.GetAsync("a", "\0"));
        Assert.Equal(Denied, await _alice.GetAsync("r", "\0"));
        Assert.Equal(Denied, await _alice.GetAsync("r", "r\0\0"));
        Assert.Equal(Nobody, await _nobody.PutAsync("a1"));
        Assert.Equal(Nobody, await _nobody.GetAsync("a1"));
        Assert.Equal(Ok, await _root.GetAsync("\0", "\0"));

        Assert.Equal(Ok, await DeleteAsync("a1", "a5", wantsPrevious: true));
        Assert.Equal(Ok, await DeleteAsync("w"));
        Assert.Equal(Denied, await DeleteAsync("w", wantsPrevious: true));
        Assert.Equal(Denied, await DeleteAsync("r"));
        Assert.Equal(Denied, await DeleteAsync("a", "c"));
        Assert.Equal(Denied, await _alice.StatusAsync("KV/Compact", new CompactionRequest { Revision = 2 }));
        Assert.Equal(Nobody, await _nobody.StatusAsync("KV/Compact", new CompactionRequest { Revision = 2 }));
        Assert.Equal(Ok, await _root.StatusAsync("KV/Compact", new CompactionRequest { Revision = 2 }));

        Task<RpcStatus> DeleteAsync(string key, string end = "", bool wantsPrevious = false)
            => _alice.StatusAsync("KV/DeleteRange", new DeleteRangeRequest { Key = Account.Bytes(key), RangeEnd = Account.Bytes(end), PrevKv = wantsPrevious });
    }

    [Fact]
    public async Task A_transaction_needs_all_rights_of_both_its_branches_however_deep()
    {
        await _root.PutAsync("secret", "s");
        Assert.Equal(Ok, await TxnAsync(new TxnRequest { Success = { Put("a1") }, Failure = { Range("a2") } }));
        Assert.Equal(Ok, await TxnAsync(new TxnRequest { Success = { Range("r") } }));
        Assert.Equal(Denied, await TxnAsync(new TxnRequest { Success = { Range("secret") } }));
        Assert.Equal(Denied, await TxnAsync(new TxnRequest { Success = { Put("a1") }, Failure = { Range("secret") } }));
        Assert.Equal(Denied, await TxnAsync(new TxnRequest { Success = { Put("a1") }, Failure = { Put("r") } }));
        Assert.Equal(Denied, await TxnAsync(new TxnRequest { Success = { Put("w", wantsPrevious: true) } }));
        Assert.Equal(Denied, await TxnAsync(new TxnRequest { Compare = { Compare("secret") }, Success = { Put("a1") } }));
        Assert.Equal(Denied, await TxnAsync(new TxnRequest { Compare = { Compare("secret") } }));
        Assert.Equal(Denied, await TxnAsync(new TxnRequest { Compare = { Compare("r", "s") }, Success = { Range("a1") } }));
        var nested = new TxnRequest { Success = { Range("a1") }, Failure = { Range("secret") } };
        Assert.Equal(Denied, await TxnAsync(new TxnRequest { Success = { Put("a1"), new RequestOp { RequestTxn = nested } } }));
        Assert.Equal(Denied, await TxnAsync(new TxnRequest { Success = { new RequestOp { RequestTxn = new TxnRequest { Compare = { Compare("secret") } } } } }));
        Assert.Equal(Denied, await TxnAsync(new TxnRequest { Success = { new RequestOp { RequestTxn = new TxnRequest { Success = { Put("w", wantsPrevious: true) } } } } }));
        Assert.Equal(Nobody, await _nobody.StatusAsync("KV/Txn", new TxnRequest { Success = { Range("a1") } }));
        Assert.Equal(Nobody, await _nobody.StatusAsync("KV/Txn", new TxnRequest()));

        Task<RpcStatus> TxnAsync(TxnRequest txn) => _alice.StatusAsync("KV/Txn", txn);
    }

    [Fact]
    public async Task What_goes_with_a_lease_is_touched_only_by_those_who_may_write_it()
    {
        Assert.Equal(Nobody, await _nobody.StatusAsync("Lease/LeaseGrant", new LeaseGrantRequest { TTL = 600, ID = 1 }));
        foreach (var id in (long[])[1, 2, 3])
        {
            Assert.Equal(Ok, await _alice.StatusAsync("Lease/LeaseGrant", new LeaseGrantRequest { TTL = 600, ID = id }));
        }

        Assert.Equal(Ok, await _alice.PutAsync("a1", lease: 1));
        Assert.Equal(Ok, await _alice.PutAsync("w", lease: 2));
        Assert.Equal(Ok, await _root.PutAsync("secret", lease: 3));

        // Whatever else is attached would be deleted with it.
        Assert.Equal(Denied, await _alice.PutAsync("a2", lease: 3));
        Assert.Equal(Ok, await _alice.PutAsync("a2", lease: 2));
        Assert.Equal(Denied, await _alice.StatusAsync("KV/Txn", new TxnRequest { Success = { Put("a2", lease: 3) } }));

        Assert.Equal(Ok, await TimeToLiveAsync(_alice, 1, keys: true));
        Assert.Equal(Ok, await TimeToLiveAsync(_alice, 3, keys: false));
        Assert.Equal(Denied, await TimeToLiveAsync(_alice, 3, keys: true));
        Assert.Equal(Denied, await TimeToLiveAsync(_alice, 2, keys: true)); // May be written, and not be read.
        Assert.Equal(Nobody, await TimeToLiveAsync(_nobody, 1, keys: false));
        Assert.Equal(Denied, await _alice.StatusAsync("Lease/LeaseLeases", new LeaseLeasesRequest()));
        Assert.Equal(Nobody, await _nobody.StatusAsync("Lease/LeaseLeases", new LeaseLeasesRequest()));
        Assert.Equal(Ok, await _root.StatusAsync("Lease/LeaseLeases", new LeaseLeasesRequest()));

        Assert.Equal(Ok, await KeepAliveAsync(_alice, 1));
        Assert.Equal(Ok, await KeepAliveAsync(_alice, 2));
        Assert.Equal(Denied, await KeepAliveAsync(_alice, 3));
        Assert.Equal(Nobody, await KeepAliveAsync(_nobody, 1));
        Assert.Equal(Denied, await _alice.StatusAsync("Lease/LeaseRevoke", new LeaseRevokeRequest { ID = 3 }));
        Assert.Equal(Nobody, await _nobody.StatusAsync("Lease/LeaseRevoke", new LeaseRevokeRequest { ID = 1 }));
        Assert.Equal(Ok, await _alice.StatusAsync("Lease/LeaseRevoke", new LeaseRevokeRequest { ID = 2 }));
        Assert.Equal(Ok, await _root.StatusAsync("Lease/LeaseRevoke", new LeaseRevokeRequest { ID = 3 }));
        Assert.Equal(Ok, await _alice.StatusAsync("Lease/LeaseLeases", new LeaseLeasesRequest()));

        static Task<RpcStatus> TimeToLiveAsync(Account who, long id, bool keys)
            => who.StatusAsync("Lease/LeaseTimeToLive", new LeaseTimeToLiveRequest { ID = id, Keys = keys });
    }

    [Fact]
    public async Task A_watch_is_refused_in_its_own_answer()
    {
        Assert.Equal("", await WatchAsync(_alice, "a", "b"));
        Assert.Equal("", await WatchAsync(_alice, "r", ""));
        Assert.Equal("rpc error: code = PermissionDenied desc = etcdserver: permission denied", await WatchAsync(_alice, "w", ""));
        Assert.Equal("rpc error: code = PermissionDenied desc = etcdserver: permission denied", await WatchAsync(_alice, "r", "\0"));
        Assert.Equal("rpc error: code = InvalidArgument desc = etcdserver: user name is empty", await WatchAsync(_nobody, "a", ""));
        Assert.Equal("rpc error: code = Unauthenticated desc = etcdserver: invalid auth token", await WatchAsync(new Account(_channel, "made up"), "a", ""));
    }

    [Fact]
    public async Task What_concerns_the_cluster_is_for_root()
    {
        var member = _cluster[0].Member.Self.Value;
        (string Method, IMessage Request)[] roots =
        [
            ("Cluster/MemberAdd", new MemberAddRequest { PeerURLs = { "http://127.0.0.1:1" } }),
            ("Cluster/MemberRemove", new MemberRemoveRequest { ID = 5 }),
            ("Cluster/MemberUpdate", new MemberUpdateRequest { ID = 5, PeerURLs = { "http://127.0.0.1:1" } }),
            ("Cluster/MemberPromote", new MemberPromoteRequest { ID = 5 }),
            ("Maintenance/Alarm", new AlarmRequest { Action = AlarmRequest.Types.AlarmAction.Deactivate, MemberID = member }),
            ("Maintenance/Defragment", new DefragmentRequest()),
            ("Maintenance/Hash", new HashRequest()),
            ("Maintenance/HashKV", new HashKVRequest()),
            ("Maintenance/MoveLeader", new MoveLeaderRequest { TargetID = member }),
            ("Maintenance/Downgrade", new DowngradeRequest { Version = "3.5.0" }),
            ("Auth/AuthStatus", new AuthStatusRequest()),
            ("Auth/AuthDisable", new AuthDisableRequest()),
            ("Auth/AuthEnable", new AuthEnableRequest()),
            ("Auth/UserAdd", new AuthUserAddRequest { Name = "x" }),
            ("Auth/UserDelete", new AuthUserDeleteRequest { Name = "x" }),
            ("Auth/UserChangePassword", new AuthUserChangePasswordRequest { Name = "x" }),
            ("Auth/UserGrantRole", new AuthUserGrantRoleRequest { User = "alice", Role = "root" }),
            ("Auth/UserRevokeRole", new AuthUserRevokeRoleRequest { Name = "alice", Role = "x" }),
            ("Auth/UserList", new AuthUserListRequest()),
            ("Auth/UserGet", new AuthUserGetRequest { Name = "root" }),
            ("Auth/RoleAdd", new AuthRoleAddRequest { Name = "x" }),
            ("Auth/RoleDelete", new AuthRoleDeleteRequest { Role = "x" }),
            ("Auth/RoleGet", new AuthRoleGetRequest { Role = "root" }),
            ("Auth/RoleList", new AuthRoleListRequest()),
            ("Auth/RoleGrantPermission", new AuthRoleGrantPermissionRequest { Name = "alice-role", Perm = new() { Key = Account.Bytes("z") } }),
            ("Auth/RoleRevokePermission", new AuthRoleRevokePermissionRequest { Role = "alice-role", Key = Account.Bytes("a") }),
        ];
        foreach (var (method, request) in roots)
        {
            Assert.Equal((method, Denied), (method, await _alice.StatusAsync(method, request)));
            Assert.Equal((method, Nobody), (method, await _nobody.StatusAsync(method, request)));
        }

        (string Method, IMessage Request)[] anybodys =
        [
            ("Cluster/MemberList", new MemberListRequest()),
            ("Maintenance/Status", new StatusRequest()),
            ("Maintenance/Alarm", new AlarmRequest { Action = AlarmRequest.Types.AlarmAction.Get }),
            ("Auth/UserGet", new AuthUserGetRequest { Name = "alice" }),
            ("Auth/RoleGet", new AuthRoleGetRequest { Role = "alice-role" }),
        ];
        foreach (var (method, request) in anybodys)
        {
            Assert.Equal((method, Ok), (method, await _alice.StatusAsync(method, request)));
            Assert.Equal((method, Nobody), (method, await _nobody.StatusAsync(method, request)));
        }

        Assert.Equal(Ok, await _root.StatusAsync("Maintenance/HashKV", new HashKVRequest()));
        Assert.Equal(Ok, await _root.StatusAsync("Auth/AuthStatus", new AuthStatusRequest()));
    }

    [Fact]
    public async Task A_snapshot_is_for_root()
    {
        Assert.Equal(Denied, await SnapshotAsync(_alice));
        Assert.Equal(Nobody, await SnapshotAsync(_nobody));
        Assert.Equal(Ok, await SnapshotAsync(_root));

        async Task<RpcStatus> SnapshotAsync(Account who)
        {
            var method = RpcMethod.Of<SnapshotRequest, SnapshotResponse>(
                RpcReflection.Descriptor.Services.Single(service => service.Name == "Maintenance").FindMethodByName("Snapshot"));
            var metadata = new RpcMetadata();
            if (who.Token is not null)
            {
                metadata.Add("token", who.Token);
            }

            await using var call = _channel.ServerStreaming(
                method, new SnapshotRequest(), new RpcCallOptions { Metadata = metadata, CancellationToken = TestContext.Current.CancellationToken });
            try
            {
                await foreach (var _ in call.Responses)
                {
                }

                return Ok;
            }
            catch (RpcException refused)
            {
                return refused.Status;
            }
        }
    }

    private static RequestOp Put(string key, bool wantsPrevious = false, long lease = 0)
        => new() { RequestPut = new PutRequest { Key = Account.Bytes(key), PrevKv = wantsPrevious, Lease = lease } };

    private static RequestOp Range(string key) => new() { RequestRange = new RangeRequest { Key = Account.Bytes(key) } };

    private static Compare Compare(string key, string end = "") => new()
    {
        Key = Account.Bytes(key),
        RangeEnd = Account.Bytes(end),
        Target = Protocol.Etcd.Compare.Types.CompareTarget.Version,
        Result = Protocol.Etcd.Compare.Types.CompareResult.Equal,
        Version = 0,
    };

    private static async Task<RpcStatus> KeepAliveAsync(Account who, long id)
    {
        await using var call = who.Duplex<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("Lease/LeaseKeepAlive");
        await call.Requests.WriteAsync(new LeaseKeepAliveRequest { ID = id });
        try
        {
            await foreach (var response in call.Responses)
            {
                return response.TTL > 0 ? Ok : new RpcStatus(RpcStatusCode.NotFound, "");
            }

            throw new InvalidOperationException("The stream ended without an answer.");
        }
        catch (RpcException refused)
        {
            return refused.Status;
        }
    }

    private static async Task<string> WatchAsync(Account who, string key, string end)
    {
        await using var call = who.Duplex<WatchRequest, WatchResponse>("Watch/Watch");
        await call.Requests.WriteAsync(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = Account.Bytes(key), RangeEnd = Account.Bytes(end) } });
        await foreach (var response in call.Responses)
        {
            Assert.True(response.Created);
            Assert.Equal(response.CancelReason.Length > 0, response.Canceled);
            return response.CancelReason;
        }

        throw new InvalidOperationException("The stream ended without an answer.");
    }
}
