using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Server.Api;
using RaftKv.Storage.State;
using static RaftKv.Server.Tests.Api.ApiHost;

namespace RaftKv.Server.Tests.Api;

/// <summary>
/// Fields at their limits and beyond. Whatever a client sends is answered or refused in known words, and what it leaves
/// behind can be stored, sent to another member and read back.
/// </summary>
public sealed class FieldLimitsTests : IAsyncLifetime
{
    private static readonly RpcStatus Compacted = ApiErrors.Of(StateError.Compacted);
    private static readonly RpcStatus Future = ApiErrors.Of(StateError.FutureRevision);

    private ApiHost _api = null!;

    public static TheoryData<long> Extremes => [long.MinValue, int.MinValue, -2, -1, 1, int.MaxValue, long.MaxValue];

    public async ValueTask InitializeAsync() => _api = await ApiHost.StartAsync();

    public async ValueTask DisposeAsync()
    {
        try
        {
            _api.Member.CheckThatItTravels();
        }
        finally
        {
            await _api.DisposeAsync();
        }
    }

    [Theory]
    [MemberData(nameof(Extremes))]
    public async Task A_limit_of_nothing_or_less_is_none(long limit)
    {
        await _api.PutAsync("a");
        await _api.PutAsync("b");

        var range = await _api.CallAsync<RangeResponse>("KV/Range", All(new RangeRequest { Limit = limit }));

        Assert.Equal((limit == 1 ? 1 : 2, limit == 1, 2), (range.Kvs.Count, range.More, range.Count));
    }

    [Theory]
    [MemberData(nameof(Extremes))]
    public async Task Bounds_of_revisions_leave_out_what_is_beyond(long bound)
    {
        await _api.PutAsync("a");
        async Task<int> CountAsync(RangeRequest request)
            => (await _api.CallAsync<RangeResponse>("KV/Range", All(request))).Kvs.Count;

        Assert.Equal(bound <= 2 ? 1 : 0, await CountAsync(new RangeRequest { MinModRevision = bound }));
        Assert.Equal(bound <= 2 ? 1 : 0, await CountAsync(new RangeRequest { MinCreateRevision = bound }));
        Assert.Equal(bound >= 2 ? 1 : 0, await CountAsync(new RangeRequest { MaxModRevision = bound }));
        Assert.Equal(bound >= 2 ? 1 : 0, await CountAsync(new RangeRequest { MaxCreateRevision = bound }));
    }

    [Theory]
    [InlineData(long.MinValue, false, true)]
    [InlineData(-1, false, true)]
    [InlineData(0, false, false)]
    [InlineData(2, false, false)]
    [InlineData(3, true, false)]
    [InlineData(long.MaxValue, true, false)]
    public async Task A_revision_is_there_or_not(long revision, bool isFuture, bool isCompactedInTxn)
    {
        await _api.PutAsync("a");
        await _api.CallAsync<CompactionResponse>("KV/Compact", new CompactionRequest());
        var range = new RangeRequest { Key = Bytes("a"), Revision = revision };
        var inTxn = new TxnRequest { Success = { new RequestOp { RequestRange = range } } };
        var inWrite = new TxnRequest { Success = { new RequestOp { RequestRange = range }, new RequestOp { RequestTxn = new TxnRequest() } } };

        Assert.Equal(isFuture ? Future : RpcStatus.Ok, await StatusAsync<RangeResponse>("KV/Range", range));
        var told = isFuture ? Future : isCompactedInTxn ? Compacted : RpcStatus.Ok;
        Assert.Equal(told, await StatusAsync<TxnResponse>("KV/Txn", inTxn));
        Assert.Equal(told, await StatusAsync<TxnResponse>("KV/Txn", inWrite));
    }

    [Theory]
    [InlineData(long.MinValue, false)]
    [InlineData(-1, false)]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(long.MaxValue, false)]
    public async Task A_compaction_goes_as_far_as_there_are_revisions(long revision, bool isAllowed)
    {
        var request = new CompactionRequest { Revision = revision };

        Assert.Equal(isAllowed ? RpcStatus.Ok : revision < 0 ? Compacted : Future, await StatusAsync<CompactionResponse>("KV/Compact", request));
        Assert.Equal(isAllowed || revision < 0 ? Compacted : Future, await StatusAsync<CompactionResponse>("KV/Compact", request));
    }

    [Theory]
    [InlineData("a", "a")]
    [InlineData("b", "a")]
    [InlineData("\xff", "\x01")]
    public async Task A_range_that_ends_before_it_begins_selects_nothing(string key, string end)
    {
        await _api.PutAsync("a");
        await _api.PutAsync("b");

        var range = await _api.CallAsync<RangeResponse>("KV/Range", new RangeRequest { Key = Bytes(key), RangeEnd = Bytes(end) });
        var delete = await _api.CallAsync<DeleteRangeResponse>("KV/DeleteRange", new DeleteRangeRequest { Key = Bytes(key), RangeEnd = Bytes(end) });

        Assert.Equal((0, 0), (range.Count, delete.Deleted));
    }

    [Fact]
    public async Task Keys_and_values_are_any_bytes_of_any_length()
    {
        foreach (var key in (byte[][])[[0], [0xff], [0, 0], [0xff, 0xff, 0xff], new byte[100_000], [.. Enumerable.Range(0, 256).Select(i => (byte)i)]])
        {
            var bytes = ByteString.CopyFrom(key);
            await _api.CallAsync<PutResponse>("KV/Put", new PutRequest { Key = bytes, Value = bytes });
            var range = await _api.CallAsync<RangeResponse>("KV/Range", new RangeRequest { Key = bytes });
            Assert.Equal(bytes, Assert.Single(range.Kvs).Value);
        }

        Assert.Equal(6, (await _api.CallAsync<RangeResponse>("KV/Range", All(new RangeRequest()))).Count);
    }

    [Theory]
    [MemberData(nameof(Extremes))]
    public async Task A_lease_may_have_any_number(long id)
    {
        var granted = await _api.CallAsync<LeaseGrantResponse>("Lease/LeaseGrant", new LeaseGrantRequest { ID = id, TTL = 10 });
        Assert.Equal(id, granted.ID);
        await _api.PutAsync("k", lease: id);
        Assert.Equal(id, Assert.Single((await _api.GetAsync("k")).Kvs).Lease);
        _api.Member.CheckThatItTravels();

        Assert.Equal(
            ApiErrors.Of(StateError.LeaseNotFound), await _api.RefusedAsync("KV/Put", new PutRequest { Key = Bytes("k"), Lease = id - 7 }));
        await _api.CallAsync<LeaseRevokeResponse>("Lease/LeaseRevoke", new LeaseRevokeRequest { ID = id });
        Assert.Equal(0, (await _api.GetAsync("k")).Count);
        var time = await _api.CallAsync<LeaseTimeToLiveResponse>("Lease/LeaseTimeToLive", new LeaseTimeToLiveRequest { ID = id });
        Assert.Equal((id, -1), (time.ID, time.TTL));
    }

    [Theory]
    [InlineData(long.MinValue, 2L)]
    [InlineData(9_000_000_000, 9_000_000_000)]
    [InlineData(9_000_000_001L, null)]
    [InlineData(long.MaxValue, null)]
    public async Task A_lease_lives_for_so_long_and_no_longer(long ttl, long? granted)
    {
        var request = new LeaseGrantRequest { ID = 5, TTL = ttl };
        if (granted is null)
        {
            Assert.Equal(ApiErrors.Of(StateError.LeaseTtlTooLarge), await _api.RefusedAsync("Lease/LeaseGrant", request));
        }
        else
        {
            Assert.Equal(granted, (await _api.CallAsync<LeaseGrantResponse>("Lease/LeaseGrant", request)).TTL);
        }
    }

    [Fact]
    public async Task Nothing_is_no_lease()
    {
        Assert.Equal(ApiErrors.Of(StateError.LeaseNotFound), await _api.RefusedAsync("Lease/LeaseRevoke", new LeaseRevokeRequest()));
        Assert.Equal(-1, (await _api.CallAsync<LeaseTimeToLiveResponse>("Lease/LeaseTimeToLive", new LeaseTimeToLiveRequest())).TTL);
        await using var stream = _api.Duplex<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("Lease/LeaseKeepAlive");
        foreach (var id in (long[])[0, -1, long.MinValue, long.MaxValue])
        {
            await stream.Requests.WriteAsync(new LeaseKeepAliveRequest { ID = id });
            Assert.True(await stream.Responses.ReadAsync());
            Assert.Equal((id, 0), (stream.Responses.Latest().ID, stream.Responses.Latest().TTL));
        }
    }

    [Theory]
    [InlineData(4, 0)]
    [InlineData(-1, 0)]
    [InlineData(int.MaxValue, 0)]
    [InlineData(0, 5)]
    [InlineData(0, -1)]
    [InlineData(0, int.MinValue)]
    public async Task A_comparison_that_is_none_holds_and_a_target_that_is_none_is_equal(int result, int target)
    {
        var txn = new TxnRequest
        {
            Compare =
            {
                new Compare
                {
                    Key = Bytes("k"),
                    Result = (Compare.Types.CompareResult)result,
                    Target = (Compare.Types.CompareTarget)target,
                    Version = 0,
                },
            },
        };

        Assert.True((await _api.CallAsync<TxnResponse>("KV/Txn", txn)).Succeeded);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public async Task Orders_that_are_none_are_refused_in_transactions_as_well(int order)
    {
        var range = new RangeRequest { Key = Bytes("k"), SortOrder = (RangeRequest.Types.SortOrder)order };
        Assert.Equal(ApiErrors.InvalidSortOption, await _api.RefusedAsync("KV/Range", range));
        Assert.Equal(
            ApiErrors.InvalidSortOption,
            await _api.RefusedAsync("KV/Txn", new TxnRequest { Failure = { new RequestOp { RequestRange = range } } }));
    }

    [Theory]
    [InlineData(128, RpcStatusCode.Ok, "")]
    [InlineData(129, RpcStatusCode.InvalidArgument, "etcdserver: too many operations in txn request")]
    [InlineData(100_000, RpcStatusCode.Internal, "grpc: error unmarshalling request: Transactions are nested more than 200 deep.")]
    public async Task A_transaction_may_be_nested_as_deep_as_its_operations_allow(int depth, RpcStatusCode code, string detail)
    {
        // As bytes, from the inside out: generated messages are neither written nor read that deep.
        var layers = new List<byte[]>();
        var length = 0;
        for (var i = 0; i < depth; i++)
        {
            var operation = Layer(field: 4, length);
            var layer = Layer(field: 2, operation.Length + length);
            layers.Add([.. layer, .. operation]);
            length += layers[^1].Length;
        }

        layers.Reverse();
        byte[] bytes = [.. layers.SelectMany(layer => layer)];
        Assert.Equal(new RpcStatus(code, detail), await _api.StatusOfBytesAsync("KV/Txn", bytes));
        await _api.PutAsync("k");
    }

    [Fact]
    public async Task A_client_may_name_any_id_and_any_start_for_its_watcher()
    {
        await using var stream = _api.Duplex<WatchRequest, WatchResponse>("Watch/Watch");
        async Task<WatchResponse> Create(WatchCreateRequest create)
        {
            await stream.Requests.WriteAsync(new WatchRequest { CreateRequest = create });
            Assert.True(await stream.Responses.ReadAsync());
            return stream.Responses.Latest();
        }

        foreach (var id in (long[])[long.MinValue, -2, int.MaxValue, long.MaxValue])
        {
            var created = await Create(new WatchCreateRequest { Key = Bytes("k"), WatchId = id });
            Assert.Equal((id, true, false), (created.WatchId, created.Created, created.Canceled));
        }

        Assert.Equal(0, (await Create(new WatchCreateRequest { Key = Bytes("z"), StartRevision = long.MaxValue })).WatchId);
        var refused = await Create(new WatchCreateRequest { Key = Bytes("z"), StartRevision = long.MinValue });
        Assert.Equal((-1, true, "etcdserver: mvcc: required revision has been compacted"), (refused.WatchId, refused.Canceled, refused.CancelReason));
        var empty = await Create(new WatchCreateRequest { Key = Bytes("k"), RangeEnd = Bytes("k") });
        Assert.Equal("mvcc: watcher range is empty", empty.CancelReason);

        // A filter that is none filters nothing, and no key is the smallest one.
        Assert.Equal(1, (await Create(new WatchCreateRequest { Filters = { (WatchCreateRequest.Types.FilterType)7 } })).WatchId);
        await _api.PutAsync("\0");
        Assert.True(await stream.Responses.ReadAsync());
        Assert.Equal((1, 1), (stream.Responses.Latest().WatchId, stream.Responses.Latest().Events.Count));
    }

    // What stands before a message inside another.
    private static byte[] Layer(int field, int length)
    {
        var bytes = new byte[1 + CodedOutputStream.ComputeLengthSize(length)];
        var output = new CodedOutputStream(bytes);
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteLength(length);
        output.Flush();
        return bytes;
    }

    private static RangeRequest All(RangeRequest request)
    {
        request.Key = Bytes("\0");
        request.RangeEnd = Bytes("\0");
        return request;
    }

    private async Task<RpcStatus> StatusAsync<TResponse>(string method, IMessage request)
        where TResponse : IMessage<TResponse>, new()
    {
        try
        {
            await _api.CallAsync<TResponse>(method, request);
            return RpcStatus.Ok;
        }
        catch (RpcException refused)
        {
            return refused.Status;
        }
    }
}
