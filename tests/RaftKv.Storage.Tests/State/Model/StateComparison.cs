using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Raft;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;
using RaftKv.Storage.Tests.Mvcc;
using RangeRequest = RaftKv.Protocol.Etcd.RangeRequest;

namespace RaftKv.Storage.Tests.State.Model;

/// <summary>Holds what a state shows against what the model says.</summary>
internal static class StateComparison
{
    /// <summary>Reads of all kinds, and all of history.</summary>
    public static void Check(KeySpaceView view, NaiveMoment moment, Chance chance)
    {
        Assert.Equal(moment.Revision, view.Revision);
        Assert.Equal(moment.Compacted, view.Compacted);
        CheckRange(view, moment, new RangeRequest { Key = StateStories.All, RangeEnd = StateStories.All });
        for (var i = 0; i < 6; i++)
        {
            CheckRange(view, moment, StateStories.NewRange(chance, moment.Revision));
        }

        CheckParts(view, moment, chance);
        var hashed = chance.CoinToss() ? view.Revision : chance.Between(Math.Max(1, view.Compacted), view.Revision);
        Assert.Equal(moment.HashKv(hashed), HashKv.Of(view, hashed));
        CheckHistory(view, moment, chance);
    }

    public static void Check(LeaseTable leases, NaiveMoment moment)
    {
        Assert.Equal(
            moment.Leases.Select(pair => (pair.Key, pair.Value.Ttl, pair.Value.Remaining)),
            leases.Sorted().Select(lease => (lease.Id, lease.Ttl, lease.RemainingTtl)));
        foreach (var lease in leases.Sorted())
        {
            Assert.Equal(moment.KeysOf(lease.Id), lease.Keys.ToArray().Select(key => NaiveMoment.Text(ByteString.CopyFrom(key))));
        }
    }

    /// <summary>Whether two responses say the same, keys that an order does not tell apart aside.</summary>
    public static void AssertSame(NaiveMoment moment, IReadOnlyList<RangeRequest> ranges, IMessage expected, IMessage found)
    {
        var next = 0;
        Assert.Equal(Normal(expected), Normal(found));

        IMessage Normal(IMessage message)
        {
            next = 0;
            return message is TxnResponse txn ? NormalTxn(txn) : message;
        }

        TxnResponse NormalTxn(TxnResponse txn)
        {
            var normal = txn.Clone();
            foreach (var op in normal.Responses)
            {
                if (op.ResponseRange is { } range)
                {
                    op.ResponseRange = next < ranges.Count ? moment.WithoutTies(ranges[next++], range) : range;
                }
                else if (op.ResponseTxn is { } inner)
                {
                    op.ResponseTxn = NormalTxn(inner);
                }
            }

            return normal;
        }
    }

    private static void CheckRange(KeySpaceView view, NaiveMoment moment, RangeRequest range)
    {
        var query = RangeQuery.Read(range.ToByteArray());
        var error = RangeRead.Check(query, view.Revision, view.Compacted);
        Assert.Equal(moment.CheckRange(range), error);
        if (error == StateError.None)
        {
            var to = new WireWriter();
            RangeRead.Run(query, view, to);
            var found = RangeResponse.Parser.ParseFrom(to.Written);
            Assert.Equal(moment.WithoutTies(range, moment.Range(range)), moment.WithoutTies(range, found));
        }
    }

    // A range in parts, as it is streamed.
    private static void CheckParts(KeySpaceView view, NaiveMoment moment, Chance chance)
    {
        var range = StateStories.NewRange(chance, moment.Revision);
        var whole = new RangeRequest { Key = range.Key, RangeEnd = range.RangeEnd, Revision = range.Revision, KeysOnly = range.KeysOnly };
        if (range.RangeEnd.IsEmpty || moment.CheckRange(whole) != StateError.None)
        {
            return;
        }

        var to = new WireWriter();
        var part = whole.Clone();
        while (true)
        {
            part.Limit = chance.Between(1, 4);
            var written = RangeRead.RunKvs(RangeQuery.Read(part.ToByteArray()), view, to);
            if (written.LastKey.IsEmpty)
            {
                break;
            }

            part.Key = ByteString.CopyFrom([.. written.LastKey.Span, 0]);
        }

        Assert.Equal(moment.Range(whole).Kvs, RangeResponse.Parser.ParseFrom(to.Written).Kvs);
    }

    private static void CheckHistory(KeySpaceView view, NaiveMoment moment, Chance chance)
    {
        var earliest = Math.Max(0, view.Compacted);
        var first = chance.CoinToss() ? earliest : chance.Between(earliest, view.Revision);
        var last = chance.Between(first, view.Revision);
        var history = new HistoryCollection();
        Assert.Equal(last + 1, view.ReadHistory(first, last, history));
        var expected = moment.Changes.Where(change => change.Revision.Main >= first && change.Revision.Main <= last).ToList();
        Assert.Equal(expected.Select(change => change.Revision), history.Changes.Select(change => change.Revision));
        Assert.Equal(
            expected.Select(change => change.Kv),
            history.Changes.Select(change => RaftKv.Protocol.Mvcc.KeyValue.Parser.ParseFrom(change.Record)));
    }
}
