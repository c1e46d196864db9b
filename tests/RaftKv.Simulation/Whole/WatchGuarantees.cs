using RaftKv.Protocol.Mvcc;
using RaftKv.Raft;
using RaftKv.Storage.Mvcc;
using WatchResponse = RaftKv.Protocol.Etcd.WatchResponse;

namespace RaftKv.Simulation.Whole;

/// <summary>
/// <b>A watch tells every change of its range, in order, once, a revision as a whole, from where it is said to begin, with
/// what was before; and progress is told of what was told.</b> Held against the agreed history, over any number of
/// connections to any members.
/// <para>What was before may be left out if compaction has taken it.</para>
/// </summary>
internal sealed class WatchGuarantees(Replay replay, KeyRange range, bool noDelete, string who)
{
    // The next change in the history that was not looked at; all before were told or are of no concern.
    private int _next;

    // Everything before this revision has been told.
    private long _from = 1;
    private bool _isKnown;
    private bool _isCreated;
    private long _asked;

    /// <summary>Whether everything that has happened was told.</summary>
    public bool IsUpToDate => _isKnown && NextOfConcern() is null;

    /// <summary>Where the next connection is to begin; 0 for whatever comes.</summary>
    public long Resume(Chance chance)
        => _isKnown ? _from
            : chance.Happens(1, 3) ? 0
            : Math.Max(1, chance.Pick<long>([replay.Compacted - 1, replay.Compacted, replay.Compacted + 1, replay.Revision - 5, replay.Revision + 4]));

    /// <summary>A connection begins.</summary>
    public void Begin(long start)
    {
        _isCreated = false;
        _asked = start;
        if (start > 0 && !_isKnown)
        {
            (_isKnown, _from) = (true, start);
        }
    }

    public void Take(WatchResponse response)
    {
        if (response.Header.Revision > replay.Revision)
        {
            Fail($"it is told of revision {response.Header.Revision}, and the newest is {replay.Revision}");
        }

        if (response.Created)
        {
            Created(response);
        }
        else if (response.Canceled)
        {
            Canceled(response);
        }
        else if (!_isCreated)
        {
            Fail("it is told something before it is told that it began");
        }
        else if (response.Events.Count == 0)
        {
            Progress(response.Header.Revision);
        }
        else
        {
            Told(response);
        }
    }

    public override string ToString() => $"told everything before {_from}, next {NextOfConcern()}";

    private void Created(WatchResponse response)
    {
        _isCreated = true;
        if (!_isKnown)
        {
            // Whatever comes after this.
            (_isKnown, _from) = (true, response.Header.Revision + 1);
        }
    }

    private void Canceled(WatchResponse response)
    {
        if (response.CompactRevision == 0)
        {
            Fail($"it was ended: {response.CancelReason}");
        }

        if (_from >= response.CompactRevision || response.CompactRevision > replay.Compacted)
        {
            Fail($"it stands at {_from} and was ended for a compaction to {response.CompactRevision}; the history's is {replay.Compacted}");
        }

        // The client has to look at the state as of there, and goes on from there.
        _from = response.CompactRevision;
    }

    private void Told(WatchResponse response)
    {
        foreach (var told in response.Events)
        {
            var isDelete = told.Type == Event.Types.EventType.Delete;
            var expected = NextOfConcern();
            if (expected is null || !AnswersAgree.IsSame(expected, told.Kv) || expected.IsDelete != isDelete)
            {
                Fail($"it is told {told} where {expected} is next");
                return;
            }

            if (told.PrevKv is { } before && (expected.Before is null || !AnswersAgree.IsSame(expected.Before, before)))
            {
                Fail($"it is told that {before} was before {expected}");
            }

            _next++;
        }

        // No more of this revision may follow.
        var last = response.Events[^1].Kv.ModRevision;
        if (NextOfConcern() is { } next && next.Revision <= last)
        {
            Fail($"revision {last} is told in parts: {next} is missing");
        }

        _from = last + 1;
    }

    private void Progress(long revision)
    {
        if (NextOfConcern() is { } next && next.Revision <= revision)
        {
            Fail($"it is told that everything to {revision} was told, and {next} was not");
        }

        _from = Math.Max(_from, revision + 1);
    }

    private KeyEvent? NextOfConcern()
    {
        for (; _next < replay.Events.Count; _next++)
        {
            var happened = replay.Events[_next];
            if (happened.Revision >= _from
                && !(noDelete && happened.IsDelete)
                && range.Contains(System.Text.Encoding.Latin1.GetBytes(happened.Key)))
            {
                return happened;
            }
        }

        return null;
    }

    private void Fail(string what) => throw new Violation(nameof(WatchGuarantees), $"{who}, begun at {_asked}: {what}");
}
