using System.Diagnostics;
using Google.Protobuf;
using RaftKv.Differential.Sequences;
using RaftKv.Differential.Text;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Stores;

namespace RaftKv.Differential.Running;

/// <summary>
/// Runs one sequence against one store. After each operation it waits until every watcher has what the operation did,
/// so that answers never depend on how fast events travel: what each is bound to get is read off the store's own
/// history, from one more watcher on everything.
/// </summary>
internal sealed class Execution : IAsyncDisposable
{
    // Leases live at least two seconds; those granted shorter than this are watched for having run out.
    private const long ShortTtl = 30;
    private static readonly TimeSpan ShortestLife = TimeSpan.FromSeconds(1.5);

    private static readonly TimeSpan KeepAlivePatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan ProgressPause = TimeSpan.FromMilliseconds(30);
    private static readonly TimeSpan CompactionPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ProgressPatience = TimeSpan.FromSeconds(30);

    private readonly StoreClient _client;
    private readonly bool _isOld;
    private readonly long _base;
    private readonly List<long> _leases = [];
    private readonly List<Step> _steps = [];
    private readonly List<Event> _history = [];
    private readonly SortedDictionary<int, WatchStream> _streams = [];
    private readonly List<string> _problems = [];
    private readonly Stopwatch _shortLease = new();
    private readonly Canonical _canonical;
    private WatchStream? _everything;
    private RpcDuplexCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse>? _keepAlive;
    private IAsyncEnumerator<LeaseKeepAliveResponse>? _keptAlive;
    private long _revision;
    private long _compacted;
    private bool _isCompactionUnderWay;

    private Execution(StoreClient client, bool isOld, long baseRevision)
    {
        _isOld = isOld;
        _client = client;
        _base = _revision = _compacted = baseRevision;
        _canonical = new Canonical(baseRevision, _leases);
    }

    /// <param name="isOld">The store is etcd 3.4.</param>
    /// <param name="baseRevision">The store's revision, up to which it is compacted.</param>
    public static async Task<Recording> RunAsync(StoreClient client, bool isOld, long baseRevision, IReadOnlyList<Operation> operations)
    {
        await using var execution = new Execution(client, isOld, baseRevision);
        if (operations.Any(operation => operation.Verb == Operation.WatchVerb))
        {
            await execution.WatchEverythingAsync();
        }

        foreach (var operation in operations)
        {
            await execution.RunAsync(operation);
        }

        return await execution.EndAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var stream in _streams.Values)
        {
            await stream.DisposeAsync();
        }

        if (_everything is not null)
        {
            await _everything.DisposeAsync();
        }

        if (_keepAlive is not null)
        {
            await _keepAlive.DisposeAsync();
        }
    }

    private async Task WatchEverythingAsync()
    {
        _everything = new WatchStream(_client, -1);
        var zero = ByteString.CopyFrom(0);
        await _everything.CreateAsync(new WatchCreateRequest { Key = zero, RangeEnd = zero, StartRevision = _base, PrevKv = true });
        await CatchUpAsync();
    }

    private async Task RunAsync(Operation operation)
    {
        var request = Resolved(operation.Request);
        var circumstances = Circumstances.None;
        List<Answer> answers;
        switch (request)
        {
            case WatchRequest { CreateRequest: { } create }:
                answers = await CreateAsync(Stream(operation.Stream), create);
                break;
            case WatchRequest { CancelRequest: { } cancel }:
                answers = await CancelAsync(Stream(operation.Stream), cancel.WatchId);
                break;
            case WatchRequest { ProgressRequest: not null }:
                (answers, circumstances) = await ProgressAsync(Stream(operation.Stream));
                break;
            case WatchRequest nothing:
                await Stream(operation.Stream).SendAsync(nothing);
                answers = [];
                break;
            case LeaseKeepAliveRequest keepAlive:
                answers = [await KeepAliveAsync(keepAlive)];
                break;
            default:
                if (request is CompactionRequest)
                {
                    await LetWatchersReachThePresentAsync();
                }

                circumstances = CircumstancesOf(request);
                var answer = request is HashKVRequest && _isCompactionUnderWay
                    ? await SettledAsync(operation, request)
                    : await _client.CallAsync(operation.Verb, request);
                Learn(request, answer.Message);
                answers = [answer];
                break;
        }

        _steps.Add(new(
            operation,
            [.. answers.Select(answer => answer.Message is { } message ? Answer.Of(_canonical.Of(request, message)) : answer)],
            circumstances));
        await CatchUpAsync();
    }

    // When no key is left, etcd's hash counts what compaction has removed until its file knows that: for a tenth of a
    // second, or two.
    private async Task<Answer> SettledAsync(Operation operation, IMessage request)
    {
        var before = await _client.CallAsync(operation.Verb, request);
        while (true)
        {
            await Task.Delay(CompactionPause);
            var after = await _client.CallAsync(operation.Verb, request);
            if (after.Status == before.Status && Equals(after.Message, before.Message))
            {
                return after;
            }

            before = after;
        }
    }

    /// <summary>The request as it is sent: with this store's revisions and lease ids.</summary>
    private IMessage Resolved(IMessage request)
    {
        var resolved = MessageCopy.Of(request);
        MessageNumbers.Replace(resolved, (field, number) =>
        {
            if (RelativeNumber.IsRevision(number))
            {
                return _base + RelativeNumber.RevisionOffset(number);
            }

            if (!RelativeNumber.IsLease(number))
            {
                return number;
            }

            _canonical.HasOwnBytes |= field.ContainingType == PutRequest.Descriptor;
            return _leases.ElementAtOrDefault(RelativeNumber.LeaseOrdinal(number));
        });
        return resolved;
    }

    private WatchStream Stream(int number)
    {
        if (!_streams.TryGetValue(number, out var stream))
        {
            _streams.Add(number, stream = new WatchStream(_client, number));
        }

        return stream;
    }

    /// <summary>What later operations depend on.</summary>
    private void Learn(IMessage request, IMessage? answer)
    {
        if (Header(answer) is not { } header)
        {
            return;
        }

        _revision = Math.Max(_revision, header.Revision);
        switch (answer)
        {
            case LeaseGrantResponse grant when ((LeaseGrantRequest)request).ID == 0:
                _leases.Add(grant.ID);
                break;
            case CompactionResponse:
                _compacted = ((CompactionRequest)request).Revision;
                _isCompactionUnderWay = !((CompactionRequest)request).Physical;
                break;
        }

        if (request is LeaseGrantRequest { TTL: < ShortTtl })
        {
            _shortLease.Start();
        }
    }

    private Circumstances CircumstancesOf(IMessage request)
    {
        if (request is not HashKVRequest hash)
        {
            return Circumstances.None;
        }

        return hash.Revision == _compacted || (hash.Revision == 0 && _revision == _compacted)
            ? Circumstances.HashAtCompacted
            : Circumstances.None;
    }

    private async Task<List<Answer>> CreateAsync(WatchStream stream, WatchCreateRequest request)
    {
        var watcher = await stream.CreateAsync(request);
        var answers = TakeReplies(stream);
        if (!watcher.IsActive)
        {
            return answers;
        }

        if (watcher.FirstRevision < _compacted)
        {
            // What client libraries do: they cancel what the store told them is too late.
            if (await stream.WaitAsync(() => watcher.Compacted is not null, "the end of a watcher that is too late"))
            {
                answers.AddRange(TakeReplies(stream));
                answers.AddRange(await CancelAsync(stream, watcher.Created!.WatchId));
            }

            return answers;
        }

        watcher.CompactedBefore = _compacted;
        watcher.Expected.AddRange(_history.Where(change => watcher.Wants(change) && !(_isOld && watcher.IsKeptTombstone(change))));
        watcher.MayLag = watcher.FirstRevision <= _revision && watcher.Expected.Count == 0;
        return answers;
    }

    private async Task<List<Answer>> CancelAsync(WatchStream stream, long id)
    {
        var watcher = stream.Active(id);
        await stream.SendAsync(new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = id } });
        if (watcher is null)
        {
            return []; // Nothing answers that. If something did, it is left over in the end.
        }

        await stream.WaitAsync(() => !watcher.IsActive, "a reply to the cancellation");
        return TakeReplies(stream);
    }

    private async Task<(List<Answer> Answers, Circumstances Circumstances)> ProgressAsync(WatchStream stream)
    {
        var asked = new WatchRequest { ProgressRequest = new WatchProgressRequest() };
        var active = stream.Watchers.Where(watcher => watcher.IsActive).ToList();
        var before = stream.Progress.Count;
        if (active.Count == 0 || active.Any(watcher => watcher.FirstRevision > _revision))
        {
            await stream.SendAsync(asked);

            // An old one answers always, another one may; the answer must not be taken for that to the next question.
            await stream.TryWaitAsync(() => stream.Progress.Count > before, _isOld ? ProgressPatience : 10 * ProgressPause);

            return ([], Circumstances.ProgressNotDue);
        }

        // A watcher that looks through history may need a moment, in which a store need not answer.
        var waited = Stopwatch.StartNew();
        do
        {
            await stream.SendAsync(asked);
        }
        while (!await stream.TryWaitAsync(() => stream.Progress.Count > before, ProgressPause) && waited.Elapsed < ProgressPatience);

        if (stream.Progress.Count == before)
        {
            _problems.Add($"stream {stream.Number}: progress did not come");
            return ([], Circumstances.None);
        }

        return ([Answer.Of(new WatchResponse { WatchId = -1, Header = new ResponseHeader { Revision = stream.Progress[before] } })], Circumstances.None);
    }

    private async Task<Answer> KeepAliveAsync(LeaseKeepAliveRequest request)
    {
        _keepAlive ??= _client.OpenKeepAlive();
        await _keepAlive.Requests.WriteAsync(request);
        _keptAlive ??= _keepAlive.Responses.GetAsyncEnumerator();
        using var late = new CancellationTokenSource(KeepAlivePatience);
        try
        {
            return await _keptAlive.MoveNextAsync().AsTask().WaitAsync(late.Token)
                ? Answer.Of(_client.Doctored(_keptAlive.Current))
                : throw new StoreException($"{_client.Address}: the keep-alive stream has ended");
        }
        catch (RpcException failure)
        {
            // The stream is gone with it; the next keep-alive opens another.
            await _keepAlive.DisposeAsync();
            (_keepAlive, _keptAlive) = (null, null);
            return Answer.Of(failure.Status);
        }
        catch (OperationCanceledException waited)
        {
            throw new StoreException($"{_client.Address}: a keep-alive was not answered", waited);
        }
    }

    /// <summary>
    /// A store looks through history in rounds. A watcher that found nothing there does not tell when it is done; but one
    /// that began later, and has found something, does.
    /// </summary>
    private async Task LetWatchersReachThePresentAsync()
    {
        var lagging = _streams.Values.SelectMany(stream => stream.Watchers).Where(watcher => watcher is { MayLag: true, IsActive: true }).ToList();
        if (lagging.Count == 0 || _revision == _compacted)
        {
            return; // Nothing can be overtaken.
        }

        var last = _history[^1];
        var later = await _everything!.CreateAsync(new WatchCreateRequest { Key = last.Kv.Key, StartRevision = last.Kv.ModRevision });
        await _everything.WaitAsync(() => later.Received.Count > 0, "the last event of history, to another watcher");
        await CancelAsync(_everything, later.Created!.WatchId);
        lagging.ForEach(watcher => watcher.MayLag = false);
    }

    /// <summary>Waits until every watcher has all that happened.</summary>
    private async Task CatchUpAsync()
    {
        if (_everything is null)
        {
            return;
        }

        var all = _everything.Watchers[0].Received;
        await _everything.WaitAsync(() => all.Count > 0 && all[^1].Kv.ModRevision >= _revision, $"the event of revision {_revision - _base}");
        var news = all[_history.Count..];
        _history.AddRange(news);
        foreach (var stream in _streams.Values)
        {
            foreach (var watcher in stream.Watchers.Where(watcher => watcher.IsActive))
            {
                watcher.Expected.AddRange(news.Where(watcher.Wants));
                if (!await stream.WaitAsync(() => watcher.Received.Count >= watcher.Expected.Count, $"events of watcher {watcher.Ordinal}"))
                {
                    watcher.IsActive = false; // Once is enough.
                }
            }
        }
    }

    private async Task<Recording> EndAsync()
    {
        // Replies keep the order of requests: when this one is answered, nothing is on its way any more.
        foreach (var stream in _streams.Values)
        {
            await stream.CreateAsync(new WatchCreateRequest { Key = ByteString.CopyFromUtf8("~end") });
        }

        var leftovers = new List<string>();
        var events = new List<WatchedEvents>();
        foreach (var stream in _streams.Values)
        {
            var replies = TakeReplies(stream);
            leftovers.AddRange(replies.Take(replies.Count - 1).Select(reply => $"stream {stream.Number}: {MessageText.Write(reply.Message!)}"));
            _problems.AddRange(stream.Problems);
            foreach (var watcher in stream.Watchers.SkipLast(1))
            {
                CheckAgainstHistory(stream, watcher);
                events.Add(new(
                    stream.Number,
                    watcher.Ordinal,
                    MessageText.Write(_canonical.Of(watcher.Request, watcher.Request)),
                    [.. watcher.Received.Where(watcher.IsKeptTombstone).Select(change => Text(watcher, change))],
                    [.. watcher.Received.Where(change => !watcher.IsKeptTombstone(change)).Select(change => Text(watcher, change))]));
            }
        }

        // What was before an event of the compacted revision is compacted. etcd has none of it any more; raftkv may still
        // have it in memory, for somebody who asked in time, and tells.
        string Text(Watcher watcher, Event change)
        {
            var told = change.Clone();
            told.PrevKv = change.Kv.ModRevision == watcher.CompactedBefore ? null : change.PrevKv;
            return MessageText.Write(_canonical.Of(told, told));
        }

        if (_everything is not null)
        {
            _problems.AddRange(_everything.Problems);
        }

        var mayHaveExpired = _shortLease.IsRunning && _shortLease.Elapsed >= ShortestLife;
        var wasUnavailable = _steps.Any(step => step.Answers.Any(answer => answer.Status.Code == RpcStatusCode.Unavailable));
        return new(_steps, events, leftovers, _problems, !mayHaveExpired && !wasUnavailable);
    }

    private void CheckAgainstHistory(WatchStream stream, Watcher watcher)
    {
        var got = watcher.Received.Select(Signature);
        var expected = watcher.Expected.Select(Signature);
        if (!got.SequenceEqual(expected))
        {
            _problems.Add($"stream {stream.Number}: watcher {watcher.Ordinal} got [{string.Join(' ', got)}], but the history has [{string.Join(' ', expected)}]");
        }
    }

    // Without prev_kv, which not every watcher asks for.
    private string Signature(Event change)
        => $"{change.Type}:{MessageText.Write(change.Kv.Key)}@{change.Kv.ModRevision - _base}";

    private List<Answer> TakeReplies(WatchStream stream)
    {
        var replies = new List<Answer>();
        while (stream.Replies.TryDequeue(out var reply))
        {
            replies.Add(Answer.Of(_canonical.Of(reply, reply)));
        }

        return replies;
    }

    private static ResponseHeader? Header(IMessage? answer)
        => answer?.Descriptor.FindFieldByName("header")?.Accessor.GetValue(answer) as ResponseHeader;
}
