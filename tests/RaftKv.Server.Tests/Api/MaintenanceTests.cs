using System.Security.Cryptography;
using RaftKv.Protocol.Etcd;
using RaftKv.Raft;
using RaftKv.Rpc;
using RaftKv.Server.Api;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using static RaftKv.Server.Tests.Api.ApiHost;
using AlarmAction = RaftKv.Protocol.Etcd.AlarmRequest.Types.AlarmAction;

namespace RaftKv.Server.Tests.Api;

/// <summary>What operators ask of one member.</summary>
public sealed class MaintenanceTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async ValueTask InitializeAsync() => _api = await ApiHost.StartAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task The_status_is_this_members_own()
    {
        _api.Member.Refusal = RequestRefusal.NoLeader;

        Assert.Equal(
            new StatusResponse
            {
                Header = Header(1),
                Version = "3.6.14",
                DbSize = 4096,
                DbSizeInUse = 1024,
                DbSizeQuota = 2L * 1024 * 1024 * 1024,
                Leader = LoneMember.Id.Value,
                RaftIndex = 11,
                RaftAppliedIndex = 10,
                RaftTerm = 3,
                StorageVersion = "3.6.0",
                DowngradeInfo = new DowngradeInfo(),
            },
            await StatusAsync());
    }

    [Fact]
    public async Task The_status_tells_what_is_wrong()
    {
        await AlarmAsync(AlarmAction.Activate, AlarmType.Nospace, LoneMember.Id.Value);
        await AlarmAsync(AlarmAction.Activate, AlarmType.Corrupt, 7);
        _api.Member.Space = (0, 0);
        _api.Member.Status = new MemberStatus(4, NodeId.None, IsLearner: true, 20, 20);

        var status = await StatusAsync();

        Assert.Equal((0ul, true, 1L), (status.Leader, status.IsLearner, status.DbSize));
        Assert.Equal(
            ["etcdserver: no leader", "memberID:1311768467463790320 alarm:NOSPACE ", "memberID:7 alarm:CORRUPT "], status.Errors);
    }

    [Fact]
    public async Task Alarms_are_raised_asked_for_and_taken_back_one_by_one()
    {
        var noSpace = new AlarmMember { MemberID = 5, Alarm = AlarmType.Nospace };
        var corrupt = new AlarmMember { MemberID = 6, Alarm = AlarmType.Corrupt };
        Assert.Equal(noSpace, Assert.Single((await AlarmAsync(AlarmAction.Activate, AlarmType.Nospace, 5)).Alarms));
        Assert.Equal(noSpace, Assert.Single((await AlarmAsync(AlarmAction.Activate, AlarmType.Nospace, 5)).Alarms));
        Assert.Equal(corrupt, Assert.Single((await AlarmAsync(AlarmAction.Activate, AlarmType.Corrupt, 6)).Alarms));

        // The member does not matter.
        Assert.Equal([noSpace, corrupt], (await AlarmAsync(AlarmAction.Get, AlarmType.None, 99)).Alarms);
        Assert.Equal([corrupt], (await AlarmAsync(AlarmAction.Get, AlarmType.Corrupt, 5)).Alarms);

        Assert.Empty((await AlarmAsync(AlarmAction.Deactivate, AlarmType.Nospace, 6)).Alarms);
        Assert.Empty((await AlarmAsync(AlarmAction.Deactivate, AlarmType.None, 5)).Alarms);
        Assert.Equal([noSpace], (await AlarmAsync(AlarmAction.Deactivate, AlarmType.Nospace, 5)).Alarms);
        var rest = await AlarmAsync(AlarmAction.Get);
        Assert.Equal([corrupt], rest.Alarms);
        Assert.Equal(Header(1), rest.Header);
    }

    [Theory]
    [InlineData(AlarmAction.Activate, 0)]
    [InlineData((AlarmAction)3, 1)]
    [InlineData((AlarmAction)(-1), 1)]
    [InlineData((AlarmAction)256, 0)]
    [InlineData((AlarmAction)257, 1)]
    [InlineData((AlarmAction)int.MaxValue, 1)]
    [InlineData((AlarmAction)int.MinValue, 1)]
    public async Task No_alarm_and_no_action_do_nothing(AlarmAction action, int alarm)
    {
        await AlarmAsync(AlarmAction.Activate, AlarmType.Nospace, 5);

        Assert.Equal(new AlarmResponse { Header = Header(1) }, await AlarmAsync(action, (AlarmType)alarm, 6));

        Assert.Single((await AlarmAsync(AlarmAction.Get)).Alarms);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    [InlineData(int.MinValue)]
    public async Task An_alarm_that_nobody_knows_stands_like_others_and_stops_nothing(int alarm)
    {
        foreach (var member in (ulong[])[0, ulong.MaxValue])
        {
            await AlarmAsync(AlarmAction.Activate, (AlarmType)alarm, member);
        }

        Assert.Equal(2, (await AlarmAsync(AlarmAction.Get, (AlarmType)alarm)).Alarms.Count);
        Assert.Contains($"memberID:0 alarm:{alarm} ", (await StatusAsync()).Errors);
        await _api.PutAsync("k");
    }

    [Fact]
    public async Task A_defragmentation_asks_for_the_space_and_has_no_header()
    {
        Assert.Null((await _api.CallAsync<DefragmentResponse>("Maintenance/Defragment", new DefragmentRequest())).Header);
        Assert.Equal(1, _api.Member.Reclaims);
    }

    // What etcd computes for the same history.
    [Theory]
    [InlineData(1, 1084519789u)]
    [InlineData(2, 2587454935u)]
    [InlineData(4, 2069675932u)]
    [InlineData(5, 1125682900u)]
    [InlineData(7, 2150736557u)]
    [InlineData(8, 710595269u)]
    [InlineData(0, 710595269u)]
    [InlineData(-1, 1084519789u)]
    public async Task The_hash_of_the_keys_at_a_revision_is_that_of_etcd(long revision, uint hash)
    {
        await WriteHistoryAsync();

        Assert.Equal(
            new HashKVResponse { Header = Header(8), Hash = hash, CompactRevision = -1, HashRevision = revision != 0 ? revision : 8 },
            await HashKvAsync(revision));
    }

    [Fact]
    public async Task The_hash_of_what_a_compaction_has_left_is_that_of_etcd()
    {
        await WriteHistoryAsync();
        await _api.CallAsync<CompactionResponse>("KV/Compact", new CompactionRequest { Revision = 5 });
        Assert.Equal((244968164u, 5), await HashAtAsync(6));
        Assert.Equal((2218071683u, 5), await HashAtAsync(8));

        // It does not matter how far what is not needed is gone.
        while (_api.Member.Keys.IsCompacting)
        {
            _api.Member.Keys.CompactStep(1);
            _api.Member.Keys.Publish();
        }

        Assert.Equal((244968164u, 5), await HashAtAsync(6));
        Assert.Equal((2218071683u, 5), await HashAtAsync(8));
        await _api.CallAsync<DeleteRangeResponse>("KV/DeleteRange", new DeleteRangeRequest { Key = Bytes("\0"), RangeEnd = Bytes("\0") });
        Assert.Equal((1814974456u, 5), await HashAtAsync(9));
        await _api.CallAsync<CompactionResponse>("KV/Compact", new CompactionRequest { Revision = 9 });
        await _api.PutAsync("z", "1");
        Assert.Equal((3221892700u, 9), await HashAtAsync(10));
    }

    [Fact]
    public async Task There_is_no_hash_of_what_is_gone_nor_of_what_is_to_come()
    {
        await WriteHistoryAsync();
        await _api.CallAsync<CompactionResponse>("KV/Compact", new CompactionRequest { Revision = 5 });

        Assert.Equal(
            new RpcStatus(RpcStatusCode.OutOfRange, "etcdserver: mvcc: required revision has been compacted"),
            await _api.RefusedAsync("Maintenance/HashKV", new HashKVRequest { Revision = 4 }));
        Assert.Equal(
            new RpcStatus(RpcStatusCode.OutOfRange, "etcdserver: mvcc: required revision is a future revision"),
            await _api.RefusedAsync("Maintenance/HashKV", new HashKVRequest { Revision = 9 }));
        Assert.Equal(
            ApiErrors.Of(StateError.FutureRevision),
            await _api.RefusedAsync("Maintenance/HashKV", new HashKVRequest { Revision = long.MaxValue }));
        Assert.Equal(5, (await HashKvAsync(5)).HashRevision);
        Assert.Equal(long.MinValue, (await HashKvAsync(long.MinValue)).HashRevision);
    }

    [Fact]
    public async Task A_hash_of_everything_tells_members_apart()
    {
        var before = await _api.CallAsync<HashResponse>("Maintenance/Hash", new HashRequest());
        await _api.PutAsync("k");
        var after = await _api.CallAsync<HashResponse>("Maintenance/Hash", new HashRequest());

        Assert.NotEqual(before.Hash, after.Hash);
        Assert.Equal(Header(2), after.Header);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(512)]
    [InlineData(32 * 1024)]
    [InlineData((32 * 1024) + 1)]
    [InlineData(100_000)]
    [InlineData(4 * 32 * 1024)]
    public async Task A_snapshot_comes_in_blobs_and_ends_with_its_sum(int length)
    {
        _api.Member.SnapshotBytes = RandomNumberGenerator.GetBytes(length);
        _api.Member.Refusal = RequestRefusal.NoLeader;
        _api.Member.Status = _api.Member.Status with { IsLearner = true, Leader = NodeId.None };
        await using var call = _api.Stream<SnapshotRequest, SnapshotResponse>("Maintenance/Snapshot", new SnapshotRequest(), ("hasleader", "true"));

        var messages = new List<SnapshotResponse>();
        while (await call.Responses.ReadAsync())
        {
            messages.Add(call.Responses.Latest());
        }

        var sum = messages[^1].Blob.ToByteArray();
        var blobs = messages[..^1];
        var sent = blobs.SelectMany(message => message.Blob.ToByteArray()).ToArray();
        Assert.Equal(SHA256.HashData(sent), sum);
        Assert.Equal(_api.Member.SnapshotBytes, sent[..length]);

        // Filled up to whole sectors: tools take that for a sign that the sum is there.
        Assert.Equal((length + 511) / 512 * 512, sent.Length);
        Assert.All(sent[length..], filler => Assert.Equal(0, filler));
        Assert.All(blobs.SkipLast(1), message => Assert.Equal(32 * 1024, message.Blob.Length));
        Assert.All(messages, message => Assert.Equal("3.6.0", message.Version));
        // A member does not know beforehand how much it will be, but whether it was the last.
        Assert.All(blobs.SkipLast(1), message => Assert.NotEqual(0ul, message.RemainingBytes));
        Assert.Equal(blobs.Select(message => message.RemainingBytes).OrderDescending(), blobs.Select(message => message.RemainingBytes));
        Assert.All(messages.TakeLast(2), message => Assert.Equal(0ul, message.RemainingBytes));
        Assert.Null(messages[0].Header);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_snapshot_whose_stream_broke_goes_on_where_it_stopped(bool isNoticed)
    {
        _api.Member.SnapshotBytes = RandomNumberGenerator.GetBytes((600 * 32 * 1024) + 5);
        var got = new List<byte>();
        string name;
        await using var broken = _api.Stream<SnapshotRequest, SnapshotResponse>("Maintenance/Snapshot", new SnapshotRequest());
        name = (await broken.HeadersAsync()).Text("raftkv-snapshot")!;
        while (got.Count < 3 * 32 * 1024 && await broken.Responses.ReadAsync())
        {
            got.AddRange(broken.Responses.Latest().Blob.Span);
        }

        if (isNoticed)
        {
            await broken.DisposeAsync();
        }

        Assert.EndsWith(":0", name, StringComparison.Ordinal);
        var place = $"{name[..^1]}{got.Count - 7}"; // Not where a message began.
        got.RemoveRange(got.Count - 7, 7);
        await using var rest = _api.Stream<SnapshotRequest, SnapshotResponse>(
            "Maintenance/Snapshot", new SnapshotRequest(), ("raftkv-snapshot", place));
        Assert.Equal(place, (await rest.HeadersAsync()).Text("raftkv-snapshot"));

        var left = new List<ulong>();
        var sum = Array.Empty<byte>();
        while (await rest.Responses.ReadAsync())
        {
            left.Add(rest.Responses.Latest().RemainingBytes);
            sum = rest.Responses.Latest().Blob.ToByteArray();
            got.AddRange(sum);
        }

        Assert.DoesNotContain(0ul, left[..^2]);
        Assert.Equal([0ul, 0ul], left[^2..]);
        var sent = got[..^sum.Length].ToArray();
        Assert.Equal(_api.Member.SnapshotBytes, sent[.._api.Member.SnapshotBytes.Length]);
        Assert.Equal(SHA256.HashData(sent), sum);
    }

    [Theory]
    [InlineData("0f8fad5bd9cb469fa16570867728950e:5")]
    [InlineData("nonsense")]
    [InlineData("0f8fad5bd9cb469fa16570867728950e:-1")]
    public async Task A_snapshot_that_nobody_knows_of_any_more_begins_anew(string name)
    {
        await using var call = _api.Stream<SnapshotRequest, SnapshotResponse>(
            "Maintenance/Snapshot", new SnapshotRequest(), ("raftkv-snapshot", name));

        Assert.EndsWith(":0", (await call.HeadersAsync()).Text("raftkv-snapshot")!, StringComparison.Ordinal);
        Assert.True(await call.Responses.ReadAsync());
    }

    [Fact]
    public async Task Leadership_goes_to_a_voter()
    {
        var voter = (await AddAsync("http://a:1", isLearner: false)).Member.ID;
        var learner = (await AddAsync("http://b:1", isLearner: true)).Member.ID;
        var bad = new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: bad leader transferee");
        Assert.Equal(bad, await _api.RefusedAsync("Maintenance/MoveLeader", new MoveLeaderRequest { TargetID = learner }));
        Assert.Equal(bad, await _api.RefusedAsync("Maintenance/MoveLeader", new MoveLeaderRequest { TargetID = 0 }));
        Assert.Equal(bad, await _api.RefusedAsync("Maintenance/MoveLeader", new MoveLeaderRequest { TargetID = ulong.MaxValue }));

        // Where it is already is done at once.
        Assert.Null((await MoveAsync(LoneMember.Id.Value)).Header);
        Assert.Equal(LoneMember.Id, _api.Member.Status.Leader);
        await MoveAsync(voter);
        Assert.Equal(new NodeId(voter), _api.Member.Status.Leader);

        // Whoever does not lead does not look at the target.
        var notLeader = new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: not leader");
        Assert.Equal(notLeader, await _api.RefusedAsync("Maintenance/MoveLeader", new MoveLeaderRequest { TargetID = LoneMember.Id.Value }));
        Assert.Equal(notLeader, await _api.RefusedAsync("Maintenance/MoveLeader", new MoveLeaderRequest()));
    }

    [Fact]
    public async Task A_leader_that_is_not_followed_in_time_says_so()
    {
        var voter = (await AddAsync("http://a:1", isLearner: false)).Member.ID;
        _api.Member.Refusal = RequestRefusal.TransferTimedOut;

        Assert.Equal(
            new RpcStatus(RpcStatusCode.Unknown, "etcdserver: request timed out, leader transfer took too long"),
            await _api.RefusedAsync("Maintenance/MoveLeader", new MoveLeaderRequest { TargetID = voter }));
    }

    [Theory]
    [InlineData("3.5", null)]
    [InlineData("3.5.0", null)]
    [InlineData("3.5.99", null)]
    [InlineData("3.6", "etcdserver: invalid downgrade target version")]
    [InlineData("3.4", "etcdserver: invalid downgrade target version")]
    [InlineData("2.5", "etcdserver: invalid downgrade target version")]
    [InlineData("4.5", "etcdserver: invalid downgrade target version")]
    [InlineData("", "etcdserver: wrong downgrade target version format")]
    [InlineData("3", "etcdserver: wrong downgrade target version format")]
    [InlineData("3.", "etcdserver: wrong downgrade target version format")]
    [InlineData("3.x", "etcdserver: wrong downgrade target version format")]
    [InlineData("3.5.0.0", "etcdserver: wrong downgrade target version format")]
    [InlineData("03.5", "etcdserver: wrong downgrade target version format")]
    [InlineData("3.5\n", "etcdserver: wrong downgrade target version format")]
    [InlineData("-3.5", "etcdserver: wrong downgrade target version format")]
    [InlineData("3.99999999999999999999", "etcdserver: wrong downgrade target version format")]
    public async Task A_downgrade_goes_one_version_back(string version, string? refusal)
    {
        var request = new DowngradeRequest { Action = DowngradeRequest.Types.DowngradeAction.Validate, Version = version };
        if (refusal is null)
        {
            var response = await _api.CallAsync<DowngradeResponse>("Maintenance/Downgrade", request);
            Assert.Equal(new DowngradeResponse { Header = Header(1), Version = "3.6" }, response);
        }
        else
        {
            Assert.Equal(
                new RpcStatus(RpcStatusCode.InvalidArgument, refusal), await _api.RefusedAsync("Maintenance/Downgrade", request));
        }
    }

    [Fact]
    public async Task A_downgrade_may_be_asked_about_and_called_off_and_not_begun()
    {
        Assert.Equal(
            new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: not capable"),
            await _api.RefusedAsync(
                "Maintenance/Downgrade",
                new DowngradeRequest { Action = DowngradeRequest.Types.DowngradeAction.Enable, Version = "3.5" }));
        Assert.Equal(
            "3.6",
            (await _api.CallAsync<DowngradeResponse>(
                "Maintenance/Downgrade", new DowngradeRequest { Action = DowngradeRequest.Types.DowngradeAction.Cancel, Version = "?" })).Version);
        Assert.Equal(
            new RpcStatus(RpcStatusCode.Unknown, "etcdserver: unknown method"),
            await _api.RefusedAsync(
                "Maintenance/Downgrade", new DowngradeRequest { Action = (DowngradeRequest.Types.DowngradeAction)7, Version = "3.5" }));
    }

    private static ResponseHeader Header(long revision)
        => new() { ClusterId = 0xc1, MemberId = LoneMember.Id.Value, Revision = revision, RaftTerm = 3 };

    private async Task WriteHistoryAsync()
    {
        await _api.PutAsync("a", "1");
        await _api.PutAsync("b", "2");
        await _api.PutAsync("a", "3");
        await _api.CallAsync<DeleteRangeResponse>("KV/DeleteRange", new DeleteRangeRequest { Key = Bytes("b") });
        await _api.PutAsync("c");
        await _api.CallAsync<DeleteRangeResponse>("KV/DeleteRange", new DeleteRangeRequest { Key = Bytes("a") });
        await _api.PutAsync("a", "4");
    }

    private async Task<(uint Hash, long Compacted)> HashAtAsync(long revision)
    {
        var response = await HashKvAsync(revision);
        return (response.Hash, response.CompactRevision);
    }

    private Task<HashKVResponse> HashKvAsync(long revision)
        => _api.CallAsync<HashKVResponse>("Maintenance/HashKV", new HashKVRequest { Revision = revision });

    private Task<StatusResponse> StatusAsync() => _api.CallAsync<StatusResponse>("Maintenance/Status", new StatusRequest());

    private Task<MoveLeaderResponse> MoveAsync(ulong target)
        => _api.CallAsync<MoveLeaderResponse>("Maintenance/MoveLeader", new MoveLeaderRequest { TargetID = target });

    private Task<MemberAddResponse> AddAsync(string url, bool isLearner)
        => _api.CallAsync<MemberAddResponse>("Cluster/MemberAdd", new MemberAddRequest { PeerURLs = { url }, IsLearner = isLearner });

    private Task<AlarmResponse> AlarmAsync(AlarmAction action, AlarmType alarm = AlarmType.None, ulong member = 0)
        => _api.CallAsync<AlarmResponse>("Maintenance/Alarm", new AlarmRequest { Action = action, Alarm = alarm, MemberID = member });
}
