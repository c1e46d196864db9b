using RaftKv.Protocol.Etcd;
using RaftKv.Server.Api;
using RaftKv.Server.Tests.Peers;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using AlarmAction = RaftKv.Storage.State.AlarmAction;

namespace RaftKv.Server.Tests.Api;

/// <summary>What happens when the data comes near to its quota, and when there is room again.</summary>
public sealed class SpaceQuotaTests : IAsyncLifetime
{
    private const long Quota = 1_000_000;

    private static readonly Alarm NoSpace = new(LoneMember.Id, AlarmKind.NoSpace);

    private ApiHost _api = null!;

    public async ValueTask InitializeAsync() => _api = await ApiHost.StartAsync(new ApiOptions { QuotaBytes = Quota });

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task The_alarm_goes_when_a_fifth_of_the_quota_is_free_again_and_comes_back_when_it_is_full()
    {
        for (var round = 0; round < 2; round++)
        {
            _api.Member.Space = (0, Quota);
            Assert.Equal(ApiErrors.NoSpace, await _api.RefusedAsync("KV/Put", new PutRequest { Key = ApiHost.Bytes("k") }));
            Assert.Equal([NoSpace], _api.Member.Alarms);

            // Not at the first byte that is free, or it would come and go with every write.
            _api.Member.Space = (0, Quota - (Quota / 10));
            _api.Time.Advance(TimeSpan.FromMinutes(1));
            Assert.Equal([NoSpace], _api.Member.Alarms);

            _api.Member.Space = (0, Quota / 2);
            await TestMember.AdvancesUntil(_api.Time, () => _api.Member.Alarms.IsEmpty);
            await _api.PutAsync("k");
        }
    }

    [Fact]
    public async Task One_that_was_found_standing_goes_when_space_comes_back()
    {
        _api.Member.Propose(new AlarmCommand(AlarmAction.Activate, LoneMember.Id, AlarmKind.NoSpace));
        _api.Member.Space = (0, Quota - 1);
        _api.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal([NoSpace], _api.Member.Alarms);

        _api.Member.Space = (0, 0);
        await TestMember.AdvancesUntil(_api.Time, () => _api.Member.Alarms.IsEmpty);
    }

    [Fact]
    public async Task An_operators_word_stands_whatever_the_space()
    {
        await AlarmAsync(AlarmRequest.Types.AlarmAction.Activate);
        _api.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal([NoSpace], _api.Member.Alarms);

        await AlarmAsync(AlarmRequest.Types.AlarmAction.Deactivate);
        _api.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Empty(_api.Member.Alarms);
        await _api.PutAsync("k");
    }

    [Fact]
    public async Task Taken_back_by_an_operator_it_comes_again_with_the_next_write_that_does_not_fit()
    {
        _api.Member.Space = (0, Quota);
        await _api.RefusedAsync("KV/Put", new PutRequest { Key = ApiHost.Bytes("k") });
        await AlarmAsync(AlarmRequest.Types.AlarmAction.Deactivate);
        Assert.Empty(_api.Member.Alarms);

        await _api.RefusedAsync("KV/Put", new PutRequest { Key = ApiHost.Bytes("k") });
        Assert.Equal([NoSpace], _api.Member.Alarms);
    }

    [Fact]
    public async Task What_frees_space_passes_and_what_takes_some_does_not()
    {
        await _api.PutAsync("k", "v");
        var lease = await _api.CallAsync<LeaseGrantResponse>("Lease/LeaseGrant", new LeaseGrantRequest { TTL = 60 });
        var revision = await _api.PutAsync("leased", "v", lease.ID);
        _api.Member.Space = (0, Quota);
        var put = new RequestOp { RequestPut = new PutRequest { Key = ApiHost.Bytes("k") } };

        Assert.Equal(ApiErrors.NoSpace, await _api.RefusedAsync("KV/Put", put.RequestPut));
        Assert.Equal(ApiErrors.NoSpace, await _api.RefusedAsync("KV/Txn", new TxnRequest { Success = { put } }));
        Assert.Equal(ApiErrors.NoSpace, await _api.RefusedAsync("KV/Txn", new TxnRequest { Failure = { put } }));
        var nested = new RequestOp { RequestTxn = new TxnRequest { Success = { put } } };
        Assert.Equal(ApiErrors.NoSpace, await _api.RefusedAsync("KV/Txn", new TxnRequest { Success = { nested } }));
        Assert.Equal(ApiErrors.NoSpace, await _api.RefusedAsync("Lease/LeaseGrant", new LeaseGrantRequest { TTL = 60 }));

        var delete = new DeleteRangeRequest { Key = ApiHost.Bytes("k") };
        var deleted = await _api.CallAsync<TxnResponse>("KV/Txn", new TxnRequest { Success = { new RequestOp { RequestDeleteRange = delete } } });
        Assert.Equal(1, deleted.Responses[0].ResponseDeleteRange.Deleted);
        await _api.CallAsync<DeleteRangeResponse>("KV/DeleteRange", delete);
        await _api.CallAsync<LeaseRevokeResponse>("Lease/LeaseRevoke", new LeaseRevokeRequest { ID = lease.ID });
        await _api.CallAsync<CompactionResponse>("KV/Compact", new CompactionRequest { Revision = revision });
        await _api.CallAsync<DefragmentResponse>("Maintenance/Defragment", new DefragmentRequest());
        Assert.Empty((await _api.GetAsync("leased")).Kvs);
    }

    [Fact]
    public async Task Many_writes_that_do_not_fit_raise_one_alarm()
    {
        _api.Member.Space = (0, Quota);
        var gate = new TaskCompletionSource();
        _api.Member.Gate = gate.Task;
        var refused = Enumerable.Range(0, 20)
            .Select(i => _api.RefusedAsync("KV/Put", new PutRequest { Key = ApiHost.Bytes($"k{i}") })).ToArray();
        gate.SetResult();

        Assert.All(await Task.WhenAll(refused), status => Assert.Equal(ApiErrors.NoSpace, status));
        Assert.InRange(_api.Member.Proposed.Count, 1, 20);
        Assert.Equal([NoSpace], _api.Member.Alarms);
    }

    private Task<AlarmResponse> AlarmAsync(AlarmRequest.Types.AlarmAction action)
        => _api.CallAsync<AlarmResponse>(
            "Maintenance/Alarm", new AlarmRequest { Action = action, MemberID = LoneMember.Id.Value, Alarm = AlarmType.Nospace });
}
