using Google.Protobuf;
using Google.Protobuf.Collections;
using Google.Protobuf.Reflection;
using RaftKv.Differential.Text;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using Target = RaftKv.Protocol.Etcd.RangeRequest.Types.SortTarget;

namespace RaftKv.Differential.Running;

/// <summary>
/// Puts answers into the form that two stores are compared by: without what may differ (ids, terms, the remaining time
/// of a lease), with revisions counted from the sequence's beginning, and in one order where the API promises none.
/// </summary>
/// <param name="baseRevision">The revision the sequence began at.</param>
/// <param name="leases">Ids that the store chose so far.</param>
internal sealed class Canonical(long baseRevision, IReadOnlyList<long> leases)
{
    private const long TtlTolerance = 10;

    private static readonly HashSet<string> RevisionFields =
        new(StringComparer.Ordinal) { "revision", "create_revision", "mod_revision", "compact_revision", "hash_revision", "start_revision", "rev" };

    private static readonly HashSet<string> LeaseFields = new(StringComparer.Ordinal) { "lease", "ID" };

    /// <summary>A key was put with a lease whose id the store chose; hashes cover it, and so are the store's own from then on.</summary>
    public bool HasOwnBytes { get; set; }

    /// <param name="request">As it was sent.</param>
    /// <param name="answer">Stays as it is.</param>
    public IMessage Of(IMessage request, IMessage answer)
    {
        var form = MessageCopy.Of(answer);
        Reorder(request, form);
        if (form is HashKVResponse hash && HasOwnBytes)
        {
            hash.Hash = 0;
        }

        ForgetIds(form);
        MessageNumbers.Replace(form, Number);
        return form;
    }

    private static void Reorder(IMessage request, IMessage answer)
    {
        switch (answer)
        {
            case RangeResponse range:
                OrderTies((RangeRequest)request, range);
                break;
            case TxnResponse txn:
                var operations = txn.Succeeded ? ((TxnRequest)request).Success : ((TxnRequest)request).Failure;
                foreach (var (operation, response) in operations.Zip(txn.Responses))
                {
                    if (operation.RequestRange is { } inner && response.ResponseRange is { } found)
                    {
                        OrderTies(inner, found);
                    }
                    else if (operation.RequestTxn is { } nested && response.ResponseTxn is { } done)
                    {
                        Reorder(nested, done);
                    }
                }

                break;
            case LeaseLeasesResponse all:
                Sort(all.Leases, (a, b) => a.ID.CompareTo(b.ID));
                break;
            case LeaseTimeToLiveResponse left:
                Sort(left.Keys, (a, b) => a.Span.SequenceCompareTo(b.Span));
                if (left.TTL > 0 && Math.Abs(left.GrantedTTL - left.TTL) <= TtlTolerance)
                {
                    left.TTL = left.GrantedTTL;
                }

                break;
        }
    }

    /// <summary>Keys that a sort finds equal come in any order, and any of them may be cut off by a limit.</summary>
    private static void OrderTies(RangeRequest request, RangeResponse response)
    {
        if (request.SortTarget == Target.Key || response.Kvs.Count == 0)
        {
            return;
        }

        if (request is { SortTarget: Target.Value, KeysOnly: true })
        {
            // The values that would say who ties with whom are not in the answer.
            if (response.More)
            {
                Replace(response.Kvs, [.. response.Kvs.Select(_ => new KeyValue())]);
            }
            else
            {
                Sort(response.Kvs, ByKey);
            }

            return;
        }

        var groups = new List<List<KeyValue>>();
        foreach (var kv in response.Kvs)
        {
            if (groups.Count == 0 || !AreTied(request.SortTarget, groups[^1][0], kv))
            {
                groups.Add([]);
            }

            groups[^1].Add(kv);
        }

        groups.ForEach(group => group.Sort(ByKey));
        if (response.More || request.Limit > 0)
        {
            // Which of the last group made it under the limit is chance; that so many of this rank did is not.
            groups[^1] = [.. groups[^1].Select(kv => Rank(request.SortTarget, kv))];
        }

        Replace(response.Kvs, [.. groups.SelectMany(group => group)]);
    }

    private static bool AreTied(Target target, KeyValue a, KeyValue b) => target switch
    {
        Target.Version => a.Version == b.Version,
        Target.Create => a.CreateRevision == b.CreateRevision,
        Target.Mod => a.ModRevision == b.ModRevision,
        Target.Value => a.Value == b.Value,
        _ => false,
    };

    private static KeyValue Rank(Target target, KeyValue kv) => target switch
    {
        Target.Version => new() { Version = kv.Version },
        Target.Create => new() { CreateRevision = kv.CreateRevision },
        Target.Mod => new() { ModRevision = kv.ModRevision },
        Target.Value => new() { Value = kv.Value },
        _ => kv,
    };

    private static int ByKey(KeyValue a, KeyValue b) => a.Key.Span.SequenceCompareTo(b.Key.Span);

    private static void Sort<T>(RepeatedField<T> list, Comparison<T> order)
    {
        var sorted = list.ToList();
        sorted.Sort(order);
        Replace(list, sorted);
    }

    private static void Replace<T>(RepeatedField<T> list, List<T> by)
    {
        list.Clear();
        list.AddRange(by);
    }

    /// <summary>Whose they are differs between stores; that they are there must not.</summary>
    private static void ForgetIds(IMessage message)
    {
        if (message is ResponseHeader header)
        {
            header.ClusterId = Math.Min(header.ClusterId, 1);
            header.MemberId = Math.Min(header.MemberId, 1);
            header.RaftTerm = Math.Min(header.RaftTerm, 1);
            return;
        }

        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            if (field.FieldType == FieldType.Message)
            {
                foreach (var inner in MessageNumbers.Messages(message, field))
                {
                    ForgetIds(inner);
                }
            }
        }
    }

    private long Number(FieldDescriptor field, long number)
    {
        if (RevisionFields.Contains(field.Name) && number > 0)
        {
            return RelativeNumber.Revision(number - baseRevision);
        }

        var ordinal = LeaseFields.Contains(field.Name) ? leases.ToList().IndexOf(number) : -1;
        return ordinal >= 0 ? RelativeNumber.Lease(ordinal) : number;
    }
}
