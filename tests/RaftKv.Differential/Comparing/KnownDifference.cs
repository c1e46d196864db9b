using Google.Protobuf;
using RaftKv.Differential.Running;
using RaftKv.Differential.Sequences;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Differential.Comparing;

/// <summary>
/// What etcd 3.4 answers differently from the 3.6 whose API we implement, each with its reason. Only consulted where
/// the two meet; two stores of one version have no excuse.
/// </summary>
/// <param name="Name">In a few words.</param>
/// <param name="Reason">What changed between the versions.</param>
/// <param name="Explains">Whether it explains that the old and the new store answered a step differently.</param>
public sealed record KnownDifference(string Name, string Reason, Func<Step, Step, bool> Explains)
{
    /// <summary>
    /// Explained where events are compared: a tombstone of exactly the compacted revision is kept until the next
    /// compaction since 3.5, so that watchers that begin there get it; 3.4 drops it.
    /// </summary>
    public const string KeptTombstones = "tombstones of the compacted revision";

    private const string SortOption = "etcdserver: invalid sort option";

    private static readonly ByteString OpenEnd = ByteString.CopyFrom(0);

    public static readonly IReadOnlyList<KnownDifference> Table =
    [
        new(
            "hash_revision",
            "HashKVResponse.hash_revision is new in 3.6.",
            (old, @new) => Without<HashKVResponse>(old, @new, hash => hash.HashRevision = 0)),
        new(
            "hash at the compacted revision",
            "3.6 answers HashKV at the compacted revision from the hashes that it kept of compactions, with the compacted revision "
            + "before it; 3.4 hashes anew, or refuses.",
            (old, _) => old.Circumstances.HasFlag(Circumstances.HashAtCompacted)),
        new(
            "unknown sort options",
            "3.6 refuses numbers outside the enums; 3.4 takes an unknown order for none, and an unknown target ends its process.",
            (_, @new) => @new.Answers is [{ Status: { Code: RpcStatusCode.InvalidArgument, Detail: SortOption } }]),
        new(
            "watching from a negative revision",
            "3.6.6 refuses it at once; before, such a watcher was made, and then ended as compacted.",
            (old, @new) => old.Operation.Request is WatchRequest { CreateRequest.StartRevision: < 0 }
                && @new.Answers is [{ Message: WatchResponse { Created: true, Canceled: true, WatchId: -1 } }]),
        new(
            "progress without reason",
            "3.4 answers a progress request always, 3.6 only when all watchers of the stream are up to date.",
            (old, _) => old.Circumstances.HasFlag(Circumstances.ProgressNotDue)),
    ];

    /// <summary>The entry that explains why the old store and the new one answered a step differently, or null.</summary>
    public static KnownDifference? Of(Step old, Step @new) => Table.FirstOrDefault(entry => entry.Explains(old, @new));

    /// <summary>Requests that etcd 3.4 does not live through, and that are therefore not sent when one takes part.</summary>
    public static bool EndsOldStores(Operation operation) => operation.Request switch
    {
        RangeRequest range => HasUnknownSort(range),
        TxnRequest txn => EndsOldStores(txn),
        _ => false,
    };

    // Its overlap check takes a range without end for an empty one. So a put that keeps the value or the lease of its key
    // may find that the transaction has just deleted the key, which comes too late for an answer.
    private static bool EndsOldStores(TxnRequest txn)
    {
        var operations = AllOf(txn).ToList();
        return operations.Any(operation => operation.RequestRange is { } range && HasUnknownSort(range))
            || (operations.Any(operation => operation.RequestDeleteRange is { } delete && delete.RangeEnd == OpenEnd)
                && operations.Any(operation => operation.RequestPut is { IgnoreValue: true } or { IgnoreLease: true }));
    }

    private static IEnumerable<RequestOp> AllOf(TxnRequest txn)
        => txn.Success.Concat(txn.Failure).SelectMany(operation => operation.RequestTxn is { } nested ? AllOf(nested) : [operation]);

    private static bool HasUnknownSort(RangeRequest range) => !Enum.IsDefined(range.SortTarget);

    private static bool Without<TMessage>(Step old, Step @new, Action<TMessage> forget)
        where TMessage : class, IMessage<TMessage>, IDeepCloneable<TMessage>
    {
        if (old.Answers is not [{ Message: TMessage a }] || @new.Answers is not [{ Message: TMessage b }])
        {
            return false;
        }

        (a, b) = (a.Clone(), b.Clone());
        forget(a);
        forget(b);
        return a.Equals(b);
    }
}
