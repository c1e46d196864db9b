using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Raft;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Server.Api;
using static RaftKv.Server.Tests.Api.ApiHost;

namespace RaftKv.Server.Tests.Api;

/// <summary>The life of watch streams, over a real connection.</summary>
public sealed class WatchTests : IAsyncLifetime
{
    private ApiHost _api = null!;
    private RpcDuplexCall<WatchRequest, WatchResponse> _stream = null!;

    public async ValueTask InitializeAsync()
    {
        _api = await ApiHost.StartAsync();
        _stream = Open();
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        await _api.DisposeAsync();
    }

    [Fact]
    public async Task A_watcher_is_told_what_comes_after_its_creation()
    {
        await _api.PutAsync("k", "0");
        var created = await AskAsync(new WatchCreateRequest { Key = Bytes("k"), PrevKv = true });
        Assert.Equal(new WatchResponse { Header = Header(2), Created = true }, created);

        await _api.PutAsync("k", "1");
        await _api.PutAsync("other", "1");
        await _api.CallAsync<DeleteRangeResponse>("KV/DeleteRange", new DeleteRangeRequest { Key = Bytes("k") });

        var put = await NextAsync();
        Assert.Equal(Header(3), put.Header);
        Assert.Equal(Event.Types.EventType.Put, Assert.Single(put.Events).Type);
        Assert.Equal("1", put.Events[0].Kv.Value.ToStringUtf8());
        Assert.Equal("0", put.Events[0].PrevKv.Value.ToStringUtf8());
        var delete = await NextAsync();
        Assert.Equal(Header(5), delete.Header);
        Assert.Equal(new KeyValue { Key = Bytes("k"), ModRevision = 5 }, Assert.Single(delete.Events).Kv);
    }

    [Fact]
    public async Task History_is_told_from_a_revision_on_and_then_the_present()
    {
        for (var i = 0; i < 40; i++)
        {
            await _api.PutAsync("k", $"{i}");
        }

        await AskAsync(new WatchCreateRequest { Key = Bytes("k"), StartRevision = 2 });
        await _api.PutAsync("k", "40");

        var seen = new List<long>();
        while (seen.Count < 41)
        {
            seen.AddRange((await NextAsync()).Events.Select(e => e.Kv.ModRevision));
        }

        Assert.Equal(Enumerable.Range(2, 41).Select(i => (long)i), seen);
    }

    [Fact]
    public async Task Filters_leave_out_puts_or_deletes()
    {
        await AskAsync(new WatchCreateRequest { Key = Bytes("k"), Filters = { WatchCreateRequest.Types.FilterType.Noput } });
        await AskAsync(new WatchCreateRequest { Key = Bytes("k"), Filters = { WatchCreateRequest.Types.FilterType.Nodelete } });
        await _api.PutAsync("k");
        var first = await NextAsync();
        Assert.Equal((1, Event.Types.EventType.Put), (first.WatchId, first.Events[0].Type));

        await _api.CallAsync<DeleteRangeResponse>("KV/DeleteRange", new DeleteRangeRequest { Key = Bytes("k") });
        var second = await NextAsync();
        Assert.Equal((0, Event.Types.EventType.Delete), (second.WatchId, second.Events[0].Type));
    }

    [Fact]
    public async Task A_cancelled_watcher_is_silent_and_others_are_not()
    {
        await AskAsync(new WatchCreateRequest { Key = Bytes("k") });
        await AskAsync(new WatchCreateRequest { Key = Bytes("k"), WatchId = 7 });
        await SendAsync(new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = 0 } });
        Assert.Equal(new WatchResponse { Header = Header(1), Canceled = true }, await NextAsync());
        await SendAsync(new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = 99 } });
        await SendAsync(new WatchRequest());

        await _api.PutAsync("k");
        Assert.Equal(7, (await NextAsync()).WatchId);
    }

    [Fact]
    public async Task Creations_that_fail_leave_the_stream_alone()
    {
        WatchResponse Failed(string reason)
            => new() { Header = Header(1), WatchId = -1, Created = true, Canceled = true, CancelReason = reason };

        Assert.Equal(
            Failed("etcdserver: mvcc: required revision has been compacted"),
            await AskAsync(new WatchCreateRequest { Key = Bytes("k"), StartRevision = -1 }));
        Assert.Equal(
            Failed("mvcc: watcher range is empty"), await AskAsync(new WatchCreateRequest { Key = Bytes("k"), RangeEnd = Bytes("a") }));
        await AskAsync(new WatchCreateRequest { Key = Bytes("k"), WatchId = 3 });
        Assert.Equal(
            Failed("mvcc: duplicate watch ID provided on the WatchStream"),
            await AskAsync(new WatchCreateRequest { Key = Bytes("k"), WatchId = 3 }));

        await _api.PutAsync("k");
        Assert.Equal(3, (await NextAsync()).WatchId);
    }

    [Fact]
    public async Task A_start_that_is_compacted_is_told_after_the_creation()
    {
        await _api.PutAsync("k");
        await _api.PutAsync("k");
        await _api.CallAsync<CompactionResponse>("KV/Compact", new CompactionRequest { Revision = 3 });

        Assert.Equal(new WatchResponse { Header = Header(3), Created = true }, await AskAsync(new WatchCreateRequest { Key = Bytes("k"), StartRevision = 2 }));
        var canceled = await NextAsync();
        Assert.Equal(new WatchResponse { Header = Header(0), Canceled = true, CompactRevision = 3 }, canceled);
    }

    [Fact]
    public async Task Progress_is_told_when_it_is_asked_for()
    {
        await AskAsync(new WatchCreateRequest { Key = Bytes("k") });
        await _api.PutAsync("other");
        await SendAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() });

        Assert.Equal(new WatchResponse { Header = Header(2), WatchId = -1 }, await NextAsync());
    }

    [Fact]
    public async Task Progress_is_told_now_and_then_to_those_who_want_it()
    {
        await AskAsync(new WatchCreateRequest { Key = Bytes("k") });
        await AskAsync(new WatchCreateRequest { Key = Bytes("k"), ProgressNotify = true });
        await _api.PutAsync("other");

        // The interval and at most a tenth of it.
        _api.Time.Advance(TimeSpan.FromMinutes(11));

        Assert.Equal(new WatchResponse { Header = Header(2), WatchId = 1 }, await NextAsync());
    }

    [Fact]
    public async Task Progress_is_not_told_to_those_who_were_told_of_a_change()
    {
        await AskAsync(new WatchCreateRequest { Key = Bytes("k"), ProgressNotify = true });
        await _api.PutAsync("k");
        Assert.Single((await NextAsync()).Events);

        // The next tick passes in silence, and the one after it does not.
        _api.Time.Advance(TimeSpan.FromMinutes(11));
        await _api.PutAsync("other");
        _api.Time.Advance(TimeSpan.FromMinutes(11));
        Assert.Equal(new WatchResponse { Header = Header(3) }, await NextAsync());
        await SendAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() });
        Assert.Equal(-1, (await NextAsync()).WatchId);
    }

    [Fact]
    public async Task Progress_is_not_told_of_streams_that_have_not_begun_or_were_overtaken()
    {
        await SendAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() });
        await AskAsync(new WatchCreateRequest { Key = Bytes("k"), StartRevision = 3 });
        await SendAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() });

        // Requests of one stream are taken in their order: once this one is refused, the question before it is in the past.
        await AskAsync(new WatchCreateRequest { Key = Bytes("k"), RangeEnd = Bytes("a") });
        await _api.PutAsync("other");
        await _api.PutAsync("other");
        await SendAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() });
        Assert.Equal(new WatchResponse { Header = Header(3), WatchId = -1 }, await NextAsync());

        await _api.CallAsync<CompactionResponse>("KV/Compact", new CompactionRequest { Revision = 3 });
        await AskAsync(new WatchCreateRequest { Key = Bytes("k"), StartRevision = 1 });
        Assert.Equal(3, (await NextAsync()).CompactRevision);
        await SendAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() });
        await SendAsync(new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = 1 } });
        Assert.Equal(new WatchResponse { Header = Header(3), WatchId = 1, Canceled = true }, await NextAsync());
    }

    [Fact]
    public async Task Changes_of_one_revision_come_together_and_in_their_order()
    {
        await AskAsync(new WatchCreateRequest { Key = Bytes("a"), RangeEnd = Bytes("z"), PrevKv = true });
        await _api.CallAsync<TxnResponse>("KV/Txn", new TxnRequest
        {
            Success =
            {
                new RequestOp { RequestPut = new PutRequest { Key = Bytes("c") } },
                new RequestOp { RequestPut = new PutRequest { Key = Bytes("a") } },
                new RequestOp { RequestPut = new PutRequest { Key = Bytes("b") } },
            },
        });
        await _api.CallAsync<DeleteRangeResponse>("KV/DeleteRange", new DeleteRangeRequest { Key = Bytes("a"), RangeEnd = Bytes("z") });

        var puts = await NextAsync();
        Assert.Equal(["c", "a", "b"], puts.Events.Select(e => e.Kv.Key.ToStringUtf8()));
        Assert.All(puts.Events, e => Assert.Null(e.PrevKv));
        var deletes = await NextAsync();
        Assert.Equal(["a", "b", "c"], deletes.Events.Select(e => e.Kv.Key.ToStringUtf8()));
        Assert.All(deletes.Events, e => Assert.Equal(2, e.PrevKv.ModRevision));
    }

    [Fact]
    public async Task A_lease_that_ends_deletes_like_anybody()
    {
        await _api.CallAsync<LeaseGrantResponse>("Lease/LeaseGrant", new LeaseGrantRequest { ID = 5, TTL = 10 });
        await _api.PutAsync("k", lease: 5);
        await AskAsync(new WatchCreateRequest { Key = Bytes("k"), PrevKv = true });
        await _api.CallAsync<LeaseRevokeResponse>("Lease/LeaseRevoke", new LeaseRevokeRequest { ID = 5 });

        var told = Assert.Single((await NextAsync()).Events);
        Assert.Equal((Event.Types.EventType.Delete, 5), (told.Type, told.PrevKv.Lease));
    }

    [Fact]
    public async Task Those_who_do_not_ask_for_parts_get_a_large_response_whole()
    {
        await AskAsync(new WatchCreateRequest { Key = Bytes("a"), RangeEnd = Bytes("z") });
        var value = ByteString.CopyFrom(new byte[100 * 1024]);
        var txn = new TxnRequest();
        for (var i = 0; i < 10; i++)
        {
            txn.Success.Add(new RequestOp { RequestPut = new PutRequest { Key = Bytes($"k{i}"), Value = value } });
        }

        await _api.CallAsync<TxnResponse>("KV/Txn", txn);

        var whole = await NextAsync();
        Assert.Equal((10, false), (whole.Events.Count, whole.Fragment));
    }

    [Fact]
    public async Task A_large_response_comes_in_parts_if_the_client_allows_it()
    {
        await AskAsync(new WatchCreateRequest { Key = Bytes("a"), RangeEnd = Bytes("z"), Fragment = true });
        var value = ByteString.CopyFrom(new byte[30 * 1024]);
        var txn = new TxnRequest();
        for (var i = 0; i < 5; i++)
        {
            txn.Success.Add(new RequestOp { RequestPut = new PutRequest { Key = Bytes($"k{i}"), Value = value } });
        }

        await _api.CallAsync<TxnResponse>("KV/Txn", txn);

        var parts = new List<WatchResponse> { await NextAsync() };
        while (parts[^1].Fragment)
        {
            parts.Add(await NextAsync());
        }

        Assert.Equal(3, parts.Count);
        Assert.Equal(5, parts.Sum(part => part.Events.Count));
        Assert.All(parts, part => Assert.Equal(2, part.Header.Revision));
    }

    [Fact]
    public async Task A_client_that_says_no_more_is_told_until_it_leaves()
    {
        await AskAsync(new WatchCreateRequest { Key = Bytes("k") });
        await _stream.Requests.CompleteAsync();

        await _api.PutAsync("k");
        Assert.Single((await NextAsync()).Events);
        Assert.Equal(1, _api.Member.Watches.WatcherCount);

        await _stream.DisposeAsync();
        while (_api.Member.Watches.WatcherCount > 0)
        {
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task A_client_that_never_reads_holds_nothing_up()
    {
        await AskAsync(new WatchCreateRequest { Key = Bytes("k"), PrevKv = true });
        var value = new string('x', 20_000);
        for (var i = 0; i < 100; i++)
        {
            await _api.PutAsync("k", value);
        }

        for (var next = 2; next < 102;)
        {
            foreach (var change in (await NextAsync()).Events)
            {
                Assert.Equal(next++, change.Kv.ModRevision);
            }
        }
    }

    [Fact]
    public async Task Nothing_is_kept_for_a_client_that_does_not_read()
    {
        await AskAsync(new WatchCreateRequest { Key = Bytes("k") });
        var value = new string('x', 500_000);
        const int Last = 61;
        await _api.PutAsync("k", value);
        var response = await NextAsync();
        for (var i = 3; i <= Last; i++)
        {
            await _api.PutAsync("k", value);
        }

        // Had all of it been taken for the client already, this would do it no harm.
        await _api.CallAsync<CompactionResponse>("KV/Compact", new CompactionRequest { Revision = Last });

        var next = 2;
        for (; response.Events.Count > 0; response = await NextAsync())
        {
            Assert.All(response.Events, change => Assert.Equal(next++, change.Kv.ModRevision));
        }

        Assert.Equal(new WatchResponse { Header = Header(0), Canceled = true, CompactRevision = Last }, response);
        Assert.InRange(next, 3, Last - 1);
    }

    [Fact]
    public async Task More_requests_than_replies_are_read_come_through_in_the_end()
    {
        const int Count = 3000;
        for (var i = 0; i < Count; i++)
        {
            _stream.Requests.Write(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = Bytes($"k{i}") } });
        }

        var sending = _stream.Requests.FlushAsync().AsTask();
        for (var i = 0; i < Count; i++)
        {
            Assert.Equal(i, (await NextAsync()).WatchId);
        }

        await sending;
        Assert.Equal(Count, _api.Member.Watches.WatcherCount);
    }

    [Fact]
    public async Task A_stream_that_needs_a_leader_ends_without_one_and_others_do_not()
    {
        await using var strict = Open(("hasleader", "true"));
        await strict.Requests.WriteAsync(Create(new WatchCreateRequest { Key = Bytes("k") }));
        Assert.True(await strict.Responses.ReadAsync());
        await AskAsync(new WatchCreateRequest { Key = Bytes("k") });

        // Twice is not enough.
        var leader = _api.Member.Status;
        _api.Member.Status = leader with { Leader = NodeId.None };
        _api.Time.Advance(TimeSpan.FromSeconds(2));
        _api.Member.Status = leader;
        _api.Time.Advance(TimeSpan.FromSeconds(1));
        _api.Member.Status = leader with { Leader = NodeId.None };
        _api.Time.Advance(TimeSpan.FromSeconds(2));
        await _api.PutAsync("k");
        Assert.True(await strict.Responses.ReadAsync());

        _api.Time.Advance(TimeSpan.FromSeconds(1));
        var ended = await Assert.ThrowsAsync<RpcException>(async () => await strict.Responses.ReadAsync());
        Assert.Equal(ApiErrors.NoLeader, ended.Status);
        Assert.Single((await NextAsync()).Events);

        await using var late = Open(("hasleader", "true"));
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await late.Responses.ReadAsync());
        Assert.Equal(new RpcStatus(RpcStatusCode.Unavailable, "etcdserver: no leader"), refused.Status);
    }

    private static WatchRequest Create(WatchCreateRequest create) => new() { CreateRequest = create };

    private static ResponseHeader Header(long revision)
        => new() { ClusterId = 0xc1, MemberId = LoneMember.Id.Value, Revision = revision, RaftTerm = 3 };

    private RpcDuplexCall<WatchRequest, WatchResponse> Open(params (string Key, string Value)[] metadata)
        => _api.Duplex<WatchRequest, WatchResponse>("Watch/Watch", metadata);

    private async Task SendAsync(WatchRequest request) => Assert.True(await _stream.Requests.WriteAsync(request));

    private async Task<WatchResponse> AskAsync(WatchCreateRequest create)
    {
        await SendAsync(Create(create));
        return await NextAsync();
    }

    private async Task<WatchResponse> NextAsync()
    {
        Assert.True(await _stream.Responses.ReadAsync());
        return _stream.Responses.Latest();
    }
}
