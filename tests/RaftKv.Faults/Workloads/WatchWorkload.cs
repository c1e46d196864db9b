using System.Collections.Concurrent;
using System.Globalization;
using Google.Protobuf;
using RaftKv.Client;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Stores;

namespace RaftKv.Faults.Workloads;

/// <summary>
/// Half of the clients change keys; the others watch them, for a while on one member and then on another, each from where it
/// stopped, and write down message by message what they are told.
/// </summary>
internal class WatchWorkload : Workload
{
    protected const string Prefix = "watch/";
    private const int Keys = 6;
    private static readonly TimeSpan FinalPatience = TimeSpan.FromSeconds(30);

    // By watcher: everything before has been told.
    private readonly ConcurrentDictionary<int, long> _from = new();
    private long _next;

    public override string Name => "watch";

    public override string Story => "half of the clients write, the others watch and change members";

    public override IReadOnlyList<IChecker> Checkers { get; } = [new Watches(), new WatchLag(), new RevisionOrder()];

    public override Task StepAsync(ClientSession session, CancellationToken stop)
        => session.Process % 4 < 2 ? ChangeAsync(session) : WatchAsync(session, TimeSpan.FromSeconds(0.3 + (session.Chance.NextDouble() * 4)), goal: null, stop);

    public override async Task FinishAsync(ClientSession session)
    {
        var end = new Invocation { Process = 0, Call = "", Begin = 0, End = 0, Outcome = Outcome.Fail };
        while (!end.IsOk)
        {
            end = await PutAsync(session, $"{Prefix}end-{session.Process}");
        }

        await WatchAsync(session, FinalPatience, end.Revision, CancellationToken.None);
    }

    /// <summary>One change of what is watched.</summary>
    protected virtual Task ChangeAsync(ClientSession session)
    {
        var key = Key(session);
        return session.Chance.Next(10) switch
        {
            < 6 => PutAsync(session, key),
            < 8 => session.WriteAsync(session.Asked("delete", key), async operation =>
            {
                var deleted = await session.Client.DeleteAsync(key);
                return operation with { Done = deleted.Deleted > 0, Wrote = deleted.Deleted > 0, Revision = deleted.Header.Revision };
            }),
            _ => PutTwoAsync(session, key, Key(session)),
        };
    }

    protected Task<Invocation> PutAsync(ClientSession session, string key)
    {
        var value = Value();
        return session.WriteAsync(session.Asked("write", key) with { Value = value }, async operation =>
        {
            var put = await session.Client.PutAsync(key, value);
            return operation with { Revision = put.Revision, Wrote = true };
        });
    }

    private Task PutTwoAsync(ClientSession session, string one, string other)
    {
        TransactionStep[] steps = [.. new[] { one, other }.Distinct().Select(key => new TransactionStep { Kind = StepKind.Write, Key = key, Value = Value() })];
        return session.WriteAsync(session.Asked("txn") with { Steps = steps }, async operation =>
        {
            var result = await session.Client.CommitAsync(new Transaction().Then([.. steps.Select(step => Client.Operation.Put(step.Key, step.Value!))]));
            return operation with { Revision = result.Header.Revision, Wrote = true };
        });
    }

    /// <param name="goal">The watch is over when it has been told of this revision; null: when its time is over.</param>
    private async Task WatchAsync(ClientSession session, TimeSpan patience, long? goal, CancellationToken stop)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(stop);
        time.CancelAfter(patience);
        do
        {
            var member = session.Pick(session.Cluster.Members);
            var log = new WatchLog(_from.GetValueOrDefault(session.Process), () => session.Recorder.Now);
            var asked = session.Asked("watch", Prefix) with { Member = member.Name, AtRevision = log.From };
            await session.Recorder.RunAsync(asked, isRead: true, async operation =>
            {
                var error = await ReadAsync(session, member, log, goal, time.Token);
                _from[session.Process] = log.Next;
                var isMissed = goal is not null && time.IsCancellationRequested && log.Next <= goal;
                return operation with
                {
                    Watch = [.. log.Parts],
                    Error = error,
                    Done = goal is null ? null : !isMissed,
                    Outcome = log.Parts.Count == 0 && !isMissed ? Outcome.Fail : Outcome.Ok,
                };
            });
            if (log.Parts.Count == 0)
            {
                await Task.Delay(100, CancellationToken.None);
            }
        }
        while (goal is not null && !time.IsCancellationRequested && _from[session.Process] <= goal);
    }

    private static async Task<string?> ReadAsync(ClientSession session, StoreMember member, WatchLog log, long? goal, CancellationToken stop)
    {
        try
        {
            var requireLeader = new RpcMetadata { { "hasleader", "true" } };
            await using var client = new StoreClient(member.Client);
            await using var watch = client.OpenWatch(requireLeader);
            await watch.Requests.WriteAsync(
                new WatchRequest
                {
                    CreateRequest = new WatchCreateRequest
                    {
                        Key = ByteString.CopyFromUtf8(Prefix),
                        RangeEnd = ByteString.CopyFromUtf8("watch0"),
                        StartRevision = log.From,
                        PrevKv = session.Chance.Next(2) == 0,
                        ProgressNotify = true,
                    },
                });
            await foreach (var response in watch.Responses.WithCancellation(stop))
            {
                log.Take(response);
                if (response.Canceled || log.Next > goal)
                {
                    return response.CancelReason;
                }
            }

            return null;
        }
        catch (Exception end) when (end is RpcException or OperationCanceledException)
        {
            return stop.IsCancellationRequested ? null : end.Message;
        }
    }

    private string Value() => Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture);

    private static string Key(ClientSession session) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{session.Chance.Next(Keys)}");
}
