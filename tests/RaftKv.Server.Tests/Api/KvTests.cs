using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Raft;
using RaftKv.Rpc;
using RaftKv.Server.Api;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using static RaftKv.Server.Tests.Api.ApiHost;

namespace RaftKv.Server.Tests.Api;

/// <summary>The KV service over a real connection.</summary>
public sealed class KvTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async ValueTask InitializeAsync() => _api = await ApiHost.StartAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task A_put_is_read_with_the_header_of_the_answering_member()
    {
        Assert.Equal(1, (await _api.GetAsync("k")).Header.Revision);

        var put = await _api.CallAsync<PutResponse>("KV/Put", new PutRequest { Key = Bytes("k"), Value = Bytes("v") });
        var range = await _api.GetAsync("k");

        Assert.Equal(
            new ResponseHeader { ClusterId = 0xc1, MemberId = LoneMember.Id.Value, Revision = 2, RaftTerm = 3 }, put.Header);
        Assert.Equal(put.Header, range.Header);
        Assert.Equal(1, range.Count);
        Assert.Equal(
            new KeyValue { Key = Bytes("k"), Value = Bytes("v"), CreateRevision = 2, ModRevision = 2, Version = 1 },
            Assert.Single(range.Kvs));
    }

    [Fact]
    public async Task Numbers_of_the_header_may_be_as_large_as_they_get()
    {
        _api.Member.Status = _api.Member.Status with { Term = ulong.MaxValue };

        Assert.Equal(ulong.MaxValue, (await _api.GetAsync("k")).Header.RaftTerm);
    }

    [Fact]
    public async Task A_delete_tells_what_it_deleted_and_nothing_costs_no_revision()
    {
        await _api.PutAsync("a", "1");
        await _api.PutAsync("b", "2");

        var delete = await _api.CallAsync<DeleteRangeResponse>(
            "KV/DeleteRange", new DeleteRangeRequest { Key = Bytes("a"), RangeEnd = Bytes("\0"), PrevKv = true });
        var again = await _api.CallAsync<DeleteRangeResponse>("KV/DeleteRange", new DeleteRangeRequest { Key = Bytes("a") });

        Assert.Equal((2, 4), (delete.Deleted, delete.Header.Revision));
        Assert.Equal(["1", "2"], delete.PrevKvs.Select(kv => kv.Value.ToStringUtf8()));
        Assert.Equal((0, 4), (again.Deleted, again.Header.Revision));
    }

    [Fact]
    public async Task A_linearizable_read_waits_for_the_others_and_a_serializable_one_does_not()
    {
        var gate = new TaskCompletionSource();
        _api.Member.Gate = gate.Task;
        var linearizable = _api.GetAsync("k");

        await _api.CallAsync<RangeResponse>("KV/Range", new RangeRequest { Key = Bytes("k"), Serializable = true });
        Assert.False(linearizable.IsCompleted);
        gate.SetResult();

        await linearizable;
        Assert.Equal(1, _api.Member.QuorumWaits);
    }

    [Theory]
    [InlineData(0, 0, 0, RpcStatusCode.Ok, "")]
    [InlineData(3, 0, 0, RpcStatusCode.InvalidArgument, "etcdserver: invalid sort option")]
    [InlineData(0, 5, 0, RpcStatusCode.InvalidArgument, "etcdserver: invalid sort option")]
    [InlineData(-1, 0, 0, RpcStatusCode.InvalidArgument, "etcdserver: invalid sort option")]
    [InlineData(0, 0, -5, RpcStatusCode.Ok, "")]
    [InlineData(0, 0, 7, RpcStatusCode.OutOfRange, "etcdserver: mvcc: required revision is a future revision")]
    [InlineData(0, 0, 2, RpcStatusCode.OutOfRange, "etcdserver: mvcc: required revision has been compacted")]
    public async Task A_range_is_refused_by_its_fields(int order, int target, long revision, RpcStatusCode code, string detail)
    {
        await _api.PutAsync("k");
        await _api.PutAsync("k");
        await _api.CallAsync<CompactionResponse>("KV/Compact", new CompactionRequest { Revision = 3 });
        var request = new RangeRequest
        {
            Key = Bytes("k"),
            SortOrder = (RangeRequest.Types.SortOrder)order,
            SortTarget = (RangeRequest.Types.SortTarget)target,
            Revision = revision,
        };

        if (code == RpcStatusCode.Ok)
        {
            await _api.CallAsync<RangeResponse>("KV/Range", request);
        }
        else
        {
            Assert.Equal(new RpcStatus(code, detail), await _api.RefusedAsync("KV/Range", request));
        }
    }

    [Fact]
    public async Task Keys_that_are_not_there_are_refused_everywhere()
    {
        var empty = new RpcStatus(RpcStatusCode.InvalidArgument, "etcdserver: key is not provided");
        Assert.Equal(empty, await _api.RefusedAsync("KV/Range", new RangeRequest()));
        Assert.Equal(empty, await _api.RefusedAsync("KV/Put", new PutRequest()));
        Assert.Equal(empty, await _api.RefusedAsync("KV/DeleteRange", new DeleteRangeRequest()));
        Assert.Equal(empty, await _api.RefusedAsync("KV/Txn", new TxnRequest { Compare = { new Compare() } }));
        Assert.Equal(empty, await _api.RefusedAsync("KV/Txn", Txn(new RequestOp { RequestRange = new RangeRequest() })));
        Assert.Equal(empty, await _api.RefusedAsync("KV/Txn", new TxnRequest { Failure = { new RequestOp { RequestPut = new PutRequest() } } }));
        var nested = new RequestOp { RequestTxn = Txn(new RequestOp { RequestDeleteRange = new DeleteRangeRequest() }) };
        Assert.Equal(empty, await _api.RefusedAsync("KV/Txn", Txn(nested)));
    }

    [Fact]
    public async Task A_put_that_keeps_the_value_or_the_lease_must_not_give_one()
    {
        Assert.Equal(
            new RpcStatus(RpcStatusCode.InvalidArgument, "etcdserver: value is provided"),
            await _api.RefusedAsync("KV/Put", new PutRequest { Key = Bytes("k"), Value = Bytes("v"), IgnoreValue = true }));
        Assert.Equal(
            new RpcStatus(RpcStatusCode.InvalidArgument, "etcdserver: lease is provided"),
            await _api.RefusedAsync("KV/Put", new PutRequest { Key = Bytes("k"), Lease = 3, IgnoreLease = true }));
        Assert.Equal(
            new RpcStatus(RpcStatusCode.InvalidArgument, "etcdserver: key not found"),
            await _api.RefusedAsync("KV/Put", new PutRequest { Key = Bytes("k"), IgnoreValue = true }));
        Assert.Equal(
            new RpcStatus(RpcStatusCode.NotFound, "etcdserver: requested lease not found"),
            await _api.RefusedAsync("KV/Put", new PutRequest { Key = Bytes("k"), Lease = 3 }));
    }

    [Fact]
    public async Task A_transaction_may_have_so_many_operations_and_a_nested_one_what_is_left()
    {
        var tooMany = new RpcStatus(RpcStatusCode.InvalidArgument, "etcdserver: too many operations in txn request");
        var reads = Enumerable.Repeat(new RequestOp { RequestRange = new RangeRequest { Key = Bytes("k") } }, 129).ToArray();
        Assert.Equal(tooMany, await _api.RefusedAsync("KV/Txn", Txn(reads)));
        var compares = new TxnRequest { Compare = { Enumerable.Repeat(new Compare { Key = Bytes("k") }, 129) } };
        Assert.Equal(tooMany, await _api.RefusedAsync("KV/Txn", compares));
        await _api.CallAsync<TxnResponse>("KV/Txn", Txn(reads[..128]));

        await _api.CallAsync<TxnResponse>("KV/Txn", Txn(new RequestOp { RequestTxn = Txn(reads[..127]) }));
        Assert.Equal(tooMany, await _api.RefusedAsync("KV/Txn", Txn(new RequestOp { RequestTxn = Txn(reads[..128]) })));
    }

    [Fact]
    public async Task An_operation_that_is_none_is_not_found()
        => Assert.Equal(
            new RpcStatus(RpcStatusCode.InvalidArgument, "etcdserver: key not found"),
            await _api.RefusedAsync("KV/Txn", Txn(new RequestOp())));

    [Theory]
    [InlineData("put a", true)]
    [InlineData("put a, put b", true)]
    [InlineData("put a, put a", false)]
    [InlineData("put a, delete a", false)]
    [InlineData("delete a, put b", true)]
    [InlineData("delete a-c, put b", false)]
    [InlineData("delete a-c, put c", true)]
    [InlineData("delete a-c, delete b", true)]
    [InlineData("put a, txn(put a|)", false)]
    [InlineData("put a, txn(|put a)", false)]
    [InlineData("put a, txn(delete a|)", false)]
    [InlineData("txn(put a|put a)", true)]
    [InlineData("txn(put a|), txn(put a|)", false)]
    [InlineData("txn(put a|), txn(|put a)", false)]
    [InlineData("delete a-c, txn(put b|)", false)]
    [InlineData("delete a-c, txn(|put b)", false)]
    [InlineData("txn(txn(put a|)|put a)", true)]
    [InlineData("put a, txn(txn(|put a)|)", false)]
    [InlineData("txn(delete a|), put b", true)]
    [InlineData("put b, delete a-\0", true)]
    [InlineData("delete b-\0, put b", true)]
    [InlineData("delete a-\0, txn(put b|put c)", true)]
    [InlineData("txn(delete a-\0|), put b", true)]
    [InlineData("delete a-\0, put b, put b", false)]
    public async Task A_key_is_not_put_twice_nor_put_and_deleted(string operations, bool isAllowed)
    {
        var request = new TxnRequest { Success = { Parse(operations) } };
        var onFailure = new TxnRequest { Failure = { Parse(operations) } };
        if (isAllowed)
        {
            await _api.CallAsync<TxnResponse>("KV/Txn", request);
            await _api.CallAsync<TxnResponse>("KV/Txn", onFailure);
            return;
        }

        var duplicate = new RpcStatus(RpcStatusCode.InvalidArgument, "etcdserver: duplicate key given in txn request");
        Assert.Equal(duplicate, await _api.RefusedAsync("KV/Txn", request));
        Assert.Equal(duplicate, await _api.RefusedAsync("KV/Txn", onFailure));
    }

    [Fact]
    public async Task A_key_may_be_deleted_with_all_behind_it_and_put_again_at_once()
    {
        await _api.PutAsync("a", "old");
        await _api.PutAsync("b", "old");

        var txn = await _api.CallAsync<TxnResponse>("KV/Txn", Txn([.. Parse("delete a-\0, put a")]));

        Assert.Equal(2, txn.Responses[0].ResponseDeleteRange.Deleted);
        Assert.Equal(4, txn.Header.Revision);
        var left = await _api.CallAsync<RangeResponse>("KV/Range", new RangeRequest { Key = Bytes("\0"), RangeEnd = Bytes("\0") });
        var kv = Assert.Single(left.Kvs);
        Assert.Equal(("a", 4, 4, 1), (kv.Key.ToStringUtf8(), kv.CreateRevision, kv.ModRevision, kv.Version));
    }

    /// <summary>etcd ends over this one.</summary>
    [Fact]
    public async Task What_a_transaction_deletes_it_cannot_keep()
    {
        await _api.PutAsync("a", "old");
        var keeping = new RequestOp { RequestPut = new PutRequest { Key = Bytes("a"), IgnoreValue = true } };
        var deleting = Parse("delete a-\0")[0];

        Assert.Equal(ApiErrors.Of(StateError.KeyNotFound), await _api.RefusedAsync("KV/Txn", Txn(deleting, keeping)));
        Assert.Equal(
            ApiErrors.Of(StateError.KeyNotFound),
            await _api.RefusedAsync("KV/Txn", Txn(new RequestOp { RequestTxn = Txn(deleting) }, keeping)));
        Assert.Equal(2, _api.Member.Keys.Revision);
        await _api.CallAsync<TxnResponse>("KV/Txn", Txn(keeping, deleting));
    }

    [Fact]
    public async Task A_transaction_writes_and_tells_what_it_did()
    {
        await _api.PutAsync("a", "1");
        var txn = new TxnRequest
        {
            Compare = { new Compare { Key = Bytes("a"), Target = Compare.Types.CompareTarget.Value, Value = Bytes("1") } },
            Success =
            {
                new RequestOp { RequestPut = new PutRequest { Key = Bytes("b"), Value = Bytes("2") } },
                new RequestOp { RequestRange = new RangeRequest { Key = Bytes("a"), RangeEnd = Bytes("z") } },
            },
        };

        var response = await _api.CallAsync<TxnResponse>("KV/Txn", txn);

        Assert.True(response.Succeeded);
        Assert.Equal(3, response.Header.Revision);
        Assert.Equal(LoneMember.Id.Value, response.Header.MemberId);
        Assert.Equal(3, response.Responses[0].ResponsePut.Header.Revision);
        Assert.Equal(2, response.Responses[1].ResponseRange.Count);
    }

    [Fact]
    public async Task A_transaction_that_only_reads_does_not_go_through_the_log()
    {
        await _api.PutAsync("a", "1");
        var applied = _api.Member.Keys.Revision;
        var read = Txn(new RequestOp { RequestRange = new RangeRequest { Key = Bytes("a") } });

        var response = await _api.CallAsync<TxnResponse>("KV/Txn", read);
        Assert.Equal(1, _api.Member.QuorumWaits);
        Assert.Equal("1", Assert.Single(response.Responses[0].ResponseRange.Kvs).Value.ToStringUtf8());
        Assert.Equal(new ResponseHeader { Revision = 2 }, response.Responses[0].ResponseRange.Header);
        Assert.Equal(applied, response.Header.Revision);

        read.Success[0].RequestRange.Serializable = true;
        await _api.CallAsync<TxnResponse>("KV/Txn", read);
        await _api.CallAsync<TxnResponse>("KV/Txn", new TxnRequest());
        Assert.Equal(1, _api.Member.QuorumWaits);
    }

    [Fact]
    public async Task A_transaction_that_only_reads_is_refused_by_the_revision_of_the_branch_that_is_taken()
    {
        var txn = new TxnRequest
        {
            Success = { new RequestOp { RequestRange = new RangeRequest { Key = Bytes("a"), Revision = 99 } } },
            Failure = { new RequestOp { RequestRange = new RangeRequest { Key = Bytes("a") } } },
        };
        Assert.Equal(ApiErrors.Of(StateError.FutureRevision), await _api.RefusedAsync("KV/Txn", txn));

        txn.Compare.Add(new Compare { Key = Bytes("a"), Target = Compare.Types.CompareTarget.Version, Version = 1 });
        Assert.False((await _api.CallAsync<TxnResponse>("KV/Txn", txn)).Succeeded);
    }

    [Fact]
    public async Task A_compaction_answers_and_a_physical_one_waits()
    {
        await _api.PutAsync("k");
        await _api.PutAsync("k");
        Assert.Equal(3, (await _api.CallAsync<CompactionResponse>("KV/Compact", new CompactionRequest { Revision = 2 })).Header.Revision);
        Assert.Equal(0, _api.Member.CompactionsWaitedFor);
        await _api.CallAsync<CompactionResponse>("KV/Compact", new CompactionRequest { Revision = 3, Physical = true });
        Assert.Equal(1, _api.Member.CompactionsWaitedFor);

        Assert.Equal(ApiErrors.Of(StateError.Compacted), await _api.RefusedAsync("KV/Compact", new CompactionRequest { Revision = 3 }));
        Assert.Equal(ApiErrors.Of(StateError.FutureRevision), await _api.RefusedAsync("KV/Compact", new CompactionRequest { Revision = 4 }));
    }

    [Fact]
    public async Task A_command_may_be_so_large()
    {
        var value = ByteString.CopyFrom(new byte[1536 * 1024]);
        Assert.Equal(
            new RpcStatus(RpcStatusCode.InvalidArgument, "etcdserver: request is too large"),
            await _api.RefusedAsync("KV/Put", new PutRequest { Key = Bytes("k"), Value = value }));
        await _api.CallAsync<PutResponse>(
            "KV/Put", new PutRequest { Key = Bytes("k"), Value = ByteString.CopyFrom(new byte[(1536 * 1024) - 64]) });
    }

    [Fact]
    public async Task A_message_may_be_half_a_mebibyte_larger_than_a_command()
    {
        var status = await _api.RefusedAsync("KV/Put", new PutRequest { Key = Bytes("k"), Value = ByteString.CopyFrom(new byte[2 * 1024 * 1024]) });

        Assert.Equal(RpcStatusCode.ResourceExhausted, status.Code);
        Assert.Equal("grpc: received message larger than max (2097160 vs. 2097152)", status.Detail);
    }

    [Fact]
    public async Task Bytes_that_are_no_message_are_refused()
    {
        // Its third field is a message, where a range has a number.
        var status = await _api.RefusedAsync("KV/Range", new AuthUserAddRequest { Name = "k", Options = new() { NoPassword = true } });

        Assert.Equal(new RpcStatus(RpcStatusCode.Internal, "grpc: error unmarshalling request: Field 3 is of another type."), status);
    }

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task What_the_member_refuses_is_told_in_its_words(RequestRefusal refusal)
    {
        _api.Member.Refusal = refusal;

        Assert.Equal(ApiErrors.Of(refusal), await _api.RefusedAsync("KV/Put", new PutRequest { Key = Bytes("k") }));
        Assert.Equal(ApiErrors.Of(refusal), await _api.RefusedAsync("KV/Range", new RangeRequest { Key = Bytes("k") }));
    }

    [Fact]
    public async Task A_full_store_raises_the_alarm_and_takes_no_more()
    {
        _api.Member.Space = (0, new ApiOptions().QuotaBytes - 300);

        await _api.PutAsync("k", new string('x', 42));
        Assert.Empty(_api.Member.Alarms);
        Assert.Equal(
            new RpcStatus(RpcStatusCode.ResourceExhausted, "etcdserver: mvcc: database space exceeded"),
            await _api.RefusedAsync("KV/Put", new PutRequest { Key = Bytes("k"), Value = Bytes(new string('x', 43)) }));
        Assert.Equal(new Alarm(LoneMember.Id, AlarmKind.NoSpace), Assert.Single(_api.Member.Alarms));

        // It stands until somebody has looked, although there is room again; what adds nothing goes on.
        _api.Member.Space = (0, 0);
        Assert.Equal(ApiErrors.NoSpace, await _api.RefusedAsync("KV/Put", new PutRequest { Key = Bytes("k") }));
        Assert.Equal(ApiErrors.NoSpace, await _api.RefusedAsync("KV/Txn", Txn(new RequestOp { RequestPut = new PutRequest { Key = Bytes("k") } })));
        await _api.CallAsync<DeleteRangeResponse>("KV/DeleteRange", new DeleteRangeRequest { Key = Bytes("k") });
        await _api.GetAsync("k");
    }

    [Fact]
    public async Task A_corrupt_cluster_only_reads()
    {
        _api.Member.Propose(new AlarmCommand(AlarmAction.Activate, new NodeId(9), AlarmKind.Corrupt));
        var corrupt = new RpcStatus(RpcStatusCode.DataLoss, "etcdserver: corrupt cluster");

        Assert.Equal(corrupt, await _api.RefusedAsync("KV/Put", new PutRequest { Key = Bytes("k") }));
        Assert.Equal(corrupt, await _api.RefusedAsync("KV/DeleteRange", new DeleteRangeRequest { Key = Bytes("k") }));
        Assert.Equal(corrupt, await _api.RefusedAsync("KV/Compact", new CompactionRequest { Revision = 1 }));
        await _api.GetAsync("k");
        await _api.CallAsync<TxnResponse>("KV/Txn", Txn(new RequestOp { RequestRange = new RangeRequest { Key = Bytes("k") } }));
    }

    [Fact]
    public async Task A_range_in_pieces_is_the_range_in_one_piece()
    {
        for (var i = 0; i < 57; i++)
        {
            await _api.PutAsync($"k{i:000}", $"v{i}");
        }

        foreach (var request in new[]
        {
            new RangeRequest { Key = Bytes("k"), RangeEnd = Bytes("l") },
            new RangeRequest { Key = Bytes("k"), RangeEnd = Bytes("\0"), Limit = 33 },
            new RangeRequest { Key = Bytes("k"), RangeEnd = Bytes("l"), Limit = 10 },
            new RangeRequest { Key = Bytes("k"), RangeEnd = Bytes("l"), Limit = 57, KeysOnly = true },
            new RangeRequest { Key = Bytes("k"), RangeEnd = Bytes("l"), CountOnly = true },
            new RangeRequest { Key = Bytes("k"), RangeEnd = Bytes("l"), Revision = 20, Serializable = true },
            new RangeRequest { Key = Bytes("k020") },
            new RangeRequest { Key = Bytes("nothing") },
            new RangeRequest { Key = Bytes("k"), RangeEnd = Bytes("a") },
        })
        {
            var whole = await _api.CallAsync<RangeResponse>("KV/Range", request);
            var merged = new RangeResponse();
            var chunks = 0;
            await using var stream = _api.Stream<RangeRequest, RangeStreamResponse>("KV/RangeStream", request);
            await foreach (var chunk in stream.Responses)
            {
                Assert.Null(merged.Header);
                merged.MergeFrom(chunk.RangeResponse);
                chunks++;
            }

            Assert.Equal(whole, merged);
            Assert.Equal(whole.Kvs.Count > 30 ? 3 : whole.Kvs.Count > 10 ? 2 : 1, chunks);
        }
    }

    [Fact]
    public async Task A_range_in_pieces_has_no_order_but_that_of_keys()
    {
        async Task<RpcStatus> Refused(RangeRequest request)
        {
            await using var stream = _api.Stream<RangeRequest, RangeStreamResponse>("KV/RangeStream", request);
            return (await Assert.ThrowsAsync<RpcException>(async () =>
            {
                await foreach (var chunk in stream.Responses)
                {
                    Assert.NotNull(chunk);
                }
            })).Status;
        }

        var custom = new RpcStatus(RpcStatusCode.Unimplemented, "RangeStream does not support custom sort orders");
        Assert.Equal(custom, await Refused(new RangeRequest { Key = Bytes("k"), SortOrder = RangeRequest.Types.SortOrder.Descend }));
        Assert.Equal(custom, await Refused(new RangeRequest
        {
            Key = Bytes("k"),
            SortOrder = RangeRequest.Types.SortOrder.Ascend,
            SortTarget = RangeRequest.Types.SortTarget.Mod,
        }));
        Assert.Equal(
            new RpcStatus(RpcStatusCode.Unimplemented, "RangeStream does not support revision filters"),
            await Refused(new RangeRequest { Key = Bytes("k"), MinModRevision = 1 }));
        Assert.Equal(ApiErrors.EmptyKey, await Refused(new RangeRequest()));
        Assert.Equal(ApiErrors.Of(StateError.FutureRevision), await Refused(new RangeRequest { Key = Bytes("k"), Revision = 5 }));
    }

    public static TheoryData<RequestRefusal> Refusals() => [.. Enum.GetValues<RequestRefusal>()];

    private static TxnRequest Txn(params RequestOp[] success) => new() { Success = { success } };

    /// <summary>"put k, delete a-c, txn(then|else)".</summary>
    private static List<RequestOp> Parse(string text)
    {
        var operations = new List<RequestOp>();
        foreach (var part in Split(text, ','))
        {
            var word = part.Trim();
            if (word.StartsWith("put ", StringComparison.Ordinal))
            {
                operations.Add(new RequestOp { RequestPut = new PutRequest { Key = Bytes(word[4..]) } });
            }
            else if (word.StartsWith("delete ", StringComparison.Ordinal))
            {
                var range = word[7..].Split('-');
                var end = range.Length > 1 ? range[1] : "";
                operations.Add(new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = Bytes(range[0]), RangeEnd = Bytes(end) } });
            }
            else if (word.StartsWith("txn(", StringComparison.Ordinal))
            {
                var branches = Split(word[4..^1], '|');
                operations.Add(new RequestOp { RequestTxn = new TxnRequest { Success = { Parse(branches[0]) }, Failure = { Parse(branches[1]) } } });
            }
        }

        return operations;
    }

    private static List<string> Split(string text, char separator)
    {
        var parts = new List<string> { "" };
        var depth = 0;
        foreach (var c in text)
        {
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            if (c == separator && depth == 0)
            {
                parts.Add("");
            }
            else
            {
                parts[^1] += c;
            }
        }

        return parts;
    }
}
