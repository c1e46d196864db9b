using System.Collections.Concurrent;
using Google.Protobuf;
using RaftKv.Faults.Checking.Rights;
using RaftKv.Faults.Histories;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Stores;
using Wire = RaftKv.Protocol.Mvcc;

namespace RaftKv.Faults.Workloads.Accounts;

/// <summary>
/// The user who may do little, and asks for what it may see and what it may not in every way there is; with old tokens and
/// new ones, and without any.
/// </summary>
internal sealed class Probes(RightsChanges rights, ConcurrentBag<long> leases)
{
    private const int KeptTokens = 4;
    private static readonly TimeSpan StreamPatience = TimeSpan.FromSeconds(3);

    private readonly AccountCaller _caller = new(RightsChanges.User, "");
    private readonly List<string?> _tokens = [null];

    public async Task StepAsync(ClientSession session, string key)
    {
        var member = session.Pick(session.Cluster.Members);
        if (session.Chance.Next(6) == 0)
        {
            await SignInAsync(session, member);
        }

        // Mostly the newest.
        var token = session.Chance.Next(3) == 0 ? session.Pick(_tokens) : _tokens[^1];
        var scope = RightFacts.ScopeOf(key)!;
        await (session.Chance.Next(16) switch
        {
            0 => AskAsync(session, member, token, "range", key, "range", Range(key)),
            1 => AskAsync(session, member, token, "range of a scope", scope, "range", Prefix(scope)),
            2 => AskAsync(session, member, token, "range of all", RightFacts.Guarded, "range", Prefix(RightFacts.Guarded)),
            3 => AskAsync(session, member, token, "count", scope, "range", With(Prefix(scope), range => range.CountOnly = true)),
            4 => AskAsync(session, member, token, "nested reads", key, "txn", new TxnRequest { Success = { Nested(Operation(Range(key))) } }),
            5 => AskAsync(session, member, token, "reads nested in a write", key, "txn", new TxnRequest { Success = { Operation(Put(OwnKey(session))), Nested(Nested(Operation(Prefix(scope)))) } }),
            6 => AskAsync(session, member, token, "nested write", key, "txn", new TxnRequest { Success = { Nested(Operation(Put(key, wantsPrevious: true))) } }),
            7 => AskAsync(session, member, token, "comparison", key, "txn", new TxnRequest { Compare = { Exists(key) }, Success = { Operation(Put(OwnKey(session))) } }),
            8 => AskAsync(session, member, token, "nested comparison", key, "txn", new TxnRequest { Success = { Nested(new TxnRequest { Compare = { Exists(key) } }) } }),
            9 => AskAsync(session, member, token, "put with what was before", key, "put", Put(key, wantsPrevious: true)),
            10 => AskAsync(session, member, token, "delete with what was before", key, "delete", new DeleteRangeRequest { Key = Bytes(key), PrevKv = true }),
            11 => LookAtLeaseAsync(session, member, token),
            12 => WatchAsync(session, member, token, key, ""),
            13 => WatchAsync(session, member, token, scope, "scope"),
            14 => StreamAsync(session, member, token, scope),
            _ => SnapshotAsync(session, member, token),
        });
    }

    public Task CloseAsync() => _caller.CloseAsync();

    private async Task SignInAsync(ClientSession session, StoreMember member)
    {
        try
        {
            if (await _caller.SignInAsync(member, session.Pick(rights.Passwords)) is { } token)
            {
                _tokens.Add(token);
                _tokens.RemoveRange(0, Math.Max(0, _tokens.Count - KeptTokens));
                _tokens[0] = null;
            }
        }
        catch (StoreException)
        {
            // Later.
        }
    }

    private Task AskAsync(ClientSession session, StoreMember member, string? token, string what, string about, string verb, IMessage request)
        => RecordAsync(session, member, what, about, async operation =>
        {
            var answer = await _caller.CallAsync(member, verb, request, token);
            return answer.IsOk
                ? operation with { Entries = Shown(answer.Message!) }
                : operation with { Outcome = AccountCaller.OutcomeOf(answer), Error = answer.Status.Detail };
        });

    // Its keys are what is looked for; which they are is not known before.
    private Task LookAtLeaseAsync(ClientSession session, StoreMember member, string? token)
    {
        var all = leases.ToArray();
        return all.Length == 0 ? Task.CompletedTask
            : AskAsync(session, member, token, "keys of a lease", "lease", "timetolive", new LeaseTimeToLiveRequest { ID = session.Pick(all), Keys = true });
    }

    private Task WatchAsync(ClientSession session, StoreMember member, string? token, string key, string end)
        => RecordAsync(session, member, $"watch {end}".Trim(), key, async operation =>
        {
            using var time = new CancellationTokenSource(TimeSpan.FromSeconds(0.3 + session.Chance.NextDouble()));
            await using var watch = _caller.At(member).OpenWatch(AccountCaller.MetadataOf(token));
            var create = new WatchCreateRequest { Key = Bytes(key), PrevKv = true, StartRevision = session.Chance.Next(2) };
            create.RangeEnd = end.Length == 0 ? ByteString.Empty : RightsChanges.EndOf(key);
            var told = new List<KeyState>();
            var isCreated = false;
            string? refusal = null;
            try
            {
                await watch.Requests.WriteAsync(new WatchRequest { CreateRequest = create });
                await foreach (var response in watch.Responses.WithCancellation(time.Token))
                {
                    told.AddRange(response.Events.SelectMany(one => new[] { one.Kv, one.PrevKv }).Where(kv => kv is not null).Select(State));
                    refusal = response.Canceled ? response.CancelReason : null;
                    isCreated |= response is { Created: true, Canceled: false };
                    if (response.Canceled)
                    {
                        break;
                    }
                }
            }
            catch (Exception over) when (over is RpcException or OperationCanceledException)
            {
                refusal ??= isCreated ? null : over.Message;
            }

            // A watch from revision 1 may be cancelled because that was compacted: then it had been let in.
            return operation with { Outcome = isCreated ? Outcome.Ok : Outcome.Fail, Entries = told, Error = refusal };
        });

    private Task StreamAsync(ClientSession session, StoreMember member, string? token, string scope)
        => ReadStreamAsync(session, member, token, "streamed range", scope, StoreMethods.RangeStream, Prefix(scope), response => Shown(response.RangeResponse));

    // Whoever gets any of it gets all.
    private Task SnapshotAsync(ClientSession session, StoreMember member, string? token)
        => ReadStreamAsync(session, member, token, "snapshot", RightFacts.Guarded, StoreMethods.Snapshot, new SnapshotRequest(), _ => []);

    private Task ReadStreamAsync<TRequest, TResponse>(
        ClientSession session,
        StoreMember member,
        string? token,
        string what,
        string about,
        RpcMethod<TRequest, TResponse> method,
        TRequest request,
        Func<TResponse, IEnumerable<KeyState>> shown)
        => RecordAsync(session, member, what, about, async operation =>
        {
            var told = new List<KeyState>();
            var isAnswered = false;
            try
            {
                await using var stream = _caller.At(member).OpenStream(method, request, StreamPatience, AccountCaller.MetadataOf(token));
                await foreach (var response in stream.Responses)
                {
                    isAnswered = true;
                    told.AddRange(shown(response));
                }
            }
            catch (RpcException over)
            {
                return operation with { Outcome = isAnswered ? Outcome.Ok : Outcome.Fail, Entries = told, Error = over.Message };
            }

            return operation with { Entries = told };
        });

    private static Task RecordAsync(ClientSession session, StoreMember member, string what, string about, Func<Invocation, Task<Invocation>> run)
        => session.Recorder.RunAsync(session.Asked(RightFacts.Probe, about) with { Member = member.Name, Value = what }, isRead: true, async operation =>
        {
            try
            {
                return await run(operation);
            }
            catch (StoreException silent)
            {
                return operation with { Outcome = Outcome.Info, Error = silent.Message };
            }
        });

    private static List<KeyState> Shown(IMessage answer) => [.. (answer switch
    {
        RangeResponse range => range.Kvs.Select(State),
        PutResponse { PrevKv: { } before } => [State(before)],
        DeleteRangeResponse delete => delete.PrevKvs.Select(State),
        LeaseTimeToLiveResponse lease => lease.Keys.Select(key => new KeyState { Key = key.ToStringUtf8() }),
        TxnResponse txn => txn.Responses.SelectMany(part => Shown(part.ResponseCase switch
        {
            ResponseOp.ResponseOneofCase.ResponseRange => part.ResponseRange,
            ResponseOp.ResponseOneofCase.ResponsePut => part.ResponsePut,
            ResponseOp.ResponseOneofCase.ResponseDeleteRange => part.ResponseDeleteRange,
            _ => part.ResponseTxn,
        })),
        _ => Enumerable.Empty<KeyState>(),
    })];

    private static KeyState State(Wire.KeyValue kv) => new() { Key = kv.Key.ToStringUtf8(), Value = kv.Value.ToStringUtf8() };

    private static string OwnKey(ClientSession session) => $"{RightsChanges.Own}{session.Process}";

    private static RangeRequest Range(string key) => new() { Key = Bytes(key) };

    private static RangeRequest Prefix(string prefix) => new() { Key = Bytes(prefix), RangeEnd = RightsChanges.EndOf(prefix) };

    private static RangeRequest With(RangeRequest range, Action<RangeRequest> change)
    {
        change(range);
        return range;
    }

    private static PutRequest Put(string key, bool wantsPrevious = false) => new() { Key = Bytes(key), Value = Bytes($"{key}#probe"), PrevKv = wantsPrevious };

    private static Compare Exists(string key)
        => new() { Key = Bytes(key), Target = Compare.Types.CompareTarget.Version, Result = Compare.Types.CompareResult.Greater };

    private static RequestOp Operation(RangeRequest range) => new() { RequestRange = range };

    private static RequestOp Operation(PutRequest put) => new() { RequestPut = put };

    private static RequestOp Nested(RequestOp operation) => Nested(new TxnRequest { Success = { operation } });

    private static RequestOp Nested(TxnRequest txn) => new() { RequestTxn = txn };

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);
}
