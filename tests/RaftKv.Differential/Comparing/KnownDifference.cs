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

    // What a transaction can fail of only when it is known which branch is taken.
    private static readonly HashSet<string> MistakesOfBranches = new(StringComparer.Ordinal)
    {
        "etcdserver: requested lease not found",
        "etcdserver: key not found",
        "etcdserver: mvcc: required revision is a future revision",
        "etcdserver: mvcc: required revision has been compacted",
    };

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
            "3.6 refuses numbers outside the enums; 3.4 takes an unknown order for none, and an unknown target ends it.",
            (_, @new) => @new.Answers is [{ Status: { Code: RpcStatusCode.InvalidArgument, Detail: SortOption } }]),
        new(
            "the first of several mistakes in a txn",
            "3.4 looks at all puts of the branch before its ranges; 3.6 looks at one operation after the other.",
            (old, @new) => old.Operation.Request is TxnRequest && IsFoundWhileApplying(old) && IsFoundWhileApplying(@new)),
        new(
            "progress without reason",
            "3.4 answers a progress request always, 3.6 only when all watchers of the stream are up to date.",
            (old, _) => old.Circumstances.HasFlag(Circumstances.ProgressNotDue)),
    ];

    /// <summary>The entry that explains why the old store and the new one answered a step differently, or null.</summary>
    public static KnownDifference? Of(Step old, Step @new) => Table.FirstOrDefault(entry => entry.Explains(old, @new));

    /// <summary>
    /// Requests that are not sent when etcd 3.4 takes part: it does not live through them, or the stores would hold
    /// different things afterwards.
    /// </summary>
    public static bool IsNotForOldStores(Operation operation) => operation.Request switch
    {
        RangeRequest range => HasUnknownTarget(range),
        TxnRequest txn => IsNotForOldStores(txn),

        // 3.6.6 refuses it at once; before, such a watcher was made, with an id, and then ended as compacted.
        WatchRequest watch => watch.CreateRequest?.StartRevision < 0,
        _ => false,
    };

    /// <summary>
    /// Requests that are not sent to several members of etcd: they would hold different things afterwards, one from the
    /// other. Members at which nobody waits for the answer leave out a transaction's own ranges. If one of those is what
    /// the transaction fails of, because its revision is compacted or in the future, then only the member that was asked
    /// refuses it, and the others write.
    /// </summary>
    public static bool DividesMembers(Operation operation)
        => operation.Request is TxnRequest txn && (DividesMembers(txn.Success) || DividesMembers(txn.Failure));

    private static bool DividesMembers(IEnumerable<RequestOp> branch)
    {
        var operations = branch.ToList();
        return operations.Any(one => one.RequestRange is { Revision: not 0 }) && operations.Any(one => one.RequestRange is null);
    }

    // 3.6 refuses unknown sort options, 3.4 does not and may write. A put that keeps the value of a key which the same
    // transaction has deleted ends etcd, of any version so far. Only a deletion without end can stand beside a put.
    private static bool IsNotForOldStores(TxnRequest txn)
    {
        var operations = AllOf(txn).ToList();
        return operations.Any(operation => operation.RequestRange is { } range && (HasUnknownTarget(range) || !Enum.IsDefined(range.SortOrder)))
            || (operations.Any(operation => operation.RequestDeleteRange is { } delete && delete.RangeEnd == OpenEnd)
                && operations.Any(operation => operation.RequestPut is { IgnoreValue: true } or { IgnoreLease: true }));
    }

    private static IEnumerable<RequestOp> AllOf(TxnRequest txn)
        => txn.Success.Concat(txn.Failure).SelectMany(operation => operation.RequestTxn is { } nested ? AllOf(nested) : [operation]);

    private static bool IsFoundWhileApplying(Step step) => step.Answers is [{ Status: var status }] && MistakesOfBranches.Contains(status.Detail);

    private static bool HasUnknownTarget(RangeRequest range) => !Enum.IsDefined(range.SortTarget);

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
