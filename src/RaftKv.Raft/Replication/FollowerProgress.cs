using System.Globalization;

namespace RaftKv.Raft.Replication;

/// <summary>How the leader sends to one follower.</summary>
public enum ProgressState
{
    /// <summary>Where the logs meet is not known: one append at a time, each waiting for its answer.</summary>
    Probe,

    /// <summary>The logs are known to meet: appends follow each other without waiting, within a window.</summary>
    Replicate,

    /// <summary>The follower needs entries that are compacted: nothing is sent until the snapshot has arrived.</summary>
    Snapshot,
}

/// <summary>
/// What the leader believes about one follower.
/// <code>
/// 1 ........ Match ........ Next - 1 ........ Last
///   it holds these  these are on their way   these are still to be sent
/// </code>
/// <see cref="Match"/> only grows within a term: it is what commitment is counted by. <see cref="Next"/> is a bet that
/// may be taken back.
/// </summary>
public sealed class FollowerProgress
{
    private readonly InflightWindow _window;

    internal FollowerProgress(NodeId id, int maxInflightAppends, long maxInflightBytes)
    {
        Id = id;
        _window = new InflightWindow(maxInflightAppends, maxInflightBytes);
    }

    public NodeId Id { get; }

    /// <summary>The follower has reported everything up to here durable.</summary>
    public ulong Match { get; private set; }

    /// <summary>The next entry to send.</summary>
    public ulong Next { get; private set; } = 1;

    public ProgressState State { get; private set; }

    /// <summary>In <see cref="ProgressState.Probe"/>: an append is under way, and so far neither its answer nor that of
    /// a later heartbeat has come.</summary>
    public bool IsProbeOutstanding { get; private set; }

    /// <summary>Heard of since check-quorum last looked.</summary>
    public bool IsActive { get; internal set; }

    /// <summary>In <see cref="ProgressState.Snapshot"/>: the index of the snapshot that is under way.</summary>
    public ulong PendingSnapshot { get; private set; }

    public int InflightAppends => _window.Count;

    public long InflightBytes => _window.Bytes;

    /// <summary>Nothing with entries may be sent now.</summary>
    public bool IsPaused => State switch
    {
        ProgressState.Probe => IsProbeOutstanding,
        ProgressState.Replicate => _window.IsFull,
        _ => true,
    };

    /// <summary>The newest heartbeat round this follower has answered.</summary>
    internal ulong AnsweredRound { get; private set; }

    /// <summary>The highest commit index this follower will have learned once what was sent arrives. Spares it appends
    /// that would tell it nothing new.</summary>
    internal ulong CommitSent { get; set; }

    /// <summary>An append is due even if there is nothing to put into it: its answer shows where the follower is.</summary>
    internal bool IsAppendDue { get; set; }

    /// <summary>A new leader knows nothing of anybody: it starts by probing at the end of its own log.</summary>
    internal void Reset(ulong match, ulong next)
    {
        Match = match;
        Next = next;
        State = ProgressState.Probe;
        IsProbeOutstanding = false;
        IsAppendDue = true;
        PendingSnapshot = 0;
        AnsweredRound = 0;
        CommitSent = 0;
        _window.Clear();
    }

    /// <summary>Takes <see cref="Next"/> back to what is certain.</summary>
    internal void BecomeProbe()
    {
        // A snapshot that arrived saves probing before it.
        Next = State == ProgressState.Snapshot ? Math.Max(Match, PendingSnapshot) + 1 : Match + 1;
        State = ProgressState.Probe;
        IsProbeOutstanding = false;
        PendingSnapshot = 0;
        CommitSent = Math.Min(CommitSent, Match);
        _window.Clear();
        CheckInvariants();
    }

    internal void BecomeReplicate()
    {
        State = ProgressState.Replicate;
        IsProbeOutstanding = false;
        PendingSnapshot = 0;
        Next = Match + 1;
        _window.Clear();
        CheckInvariants();
    }

    internal void BecomeSnapshot(ulong index)
    {
        State = ProgressState.Snapshot;
        IsProbeOutstanding = false;
        IsAppendDue = false;
        PendingSnapshot = index;
        Next = index + 1;
        _window.Clear();
        CheckInvariants();
    }

    /// <summary>The snapshot did not arrive: probe from what was certain before, but not before the follower has shown
    /// by a heartbeat response that it is there again.</summary>
    internal void SnapshotFailed()
    {
        PendingSnapshot = 0;
        BecomeProbe();
        IsProbeOutstanding = true;
    }

    /// <summary>The snapshot arrived: its acknowledgement is under way, or lost and made good by a heartbeat.</summary>
    internal void SnapshotSent()
    {
        BecomeProbe();
        IsProbeOutstanding = true;
    }

    /// <summary>An append with the entries from <see cref="Next"/> to <paramref name="last"/> is sent; with none if
    /// <paramref name="last"/> is before it.</summary>
    internal void Sent(ulong last, long bytes)
    {
        IsAppendDue = false;
        if (State == ProgressState.Probe)
        {
            // Next stays: a probe is repeated from the same place until it is answered.
            IsProbeOutstanding = true;
        }
        else if (last >= Next)
        {
            // Optimistic: assume the append arrives, so the next one can follow without waiting a round trip. A
            // rejection takes Next back; duplicates are harmless, because followers keep the entries they have.
            _window.Add(last, bytes);
            Next = last + 1;
        }
    }

    /// <summary>False if that is not news.</summary>
    internal bool Acknowledge(ulong index)
    {
        var isNews = index > Match;
        if (isNews)
        {
            Match = index;
            IsProbeOutstanding = false;
        }

        Next = Math.Max(Next, index + 1);
        _window.FreeThrough(index);
        CheckInvariants();
        return isNews;
    }

    /// <summary>
    /// The follower refused an append after <paramref name="rejected"/>. Probes after <paramref name="hint"/> next.
    /// False if the refusal is an old one, overtaken by an acknowledgement or an earlier refusal.
    /// </summary>
    internal bool StepBack(ulong rejected, ulong hint)
    {
        if (State == ProgressState.Replicate)
        {
            if (rejected <= Match)
            {
                return false;
            }

            BecomeProbe();
            return true;
        }

        // While probing, Next - 1 is the only place that was asked about.
        if (State == ProgressState.Snapshot || Next - 1 != rejected)
        {
            return false;
        }

        Next = Math.Max(Math.Min(rejected, hint + 1), Match + 1);
        IsProbeOutstanding = false;
        CommitSent = Math.Min(CommitSent, Match);
        return true;
    }

    /// <summary>The follower answered a heartbeat: whatever waited for a lost answer may go on.</summary>
    internal void HeardHeartbeat(ulong round)
    {
        AnsweredRound = Math.Max(AnsweredRound, round);
        IsProbeOutstanding = false;
    }

    /// <summary>"2 Replicate match=7 next=9 inflight=1", leaving out what is as usual.</summary>
    public override string ToString()
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{Id} {State} match={Match} next={Next}");
        if (State == ProgressState.Snapshot)
        {
            text += string.Create(CultureInfo.InvariantCulture, $" snapshot={PendingSnapshot}");
        }

        if (InflightAppends > 0)
        {
            text += string.Create(CultureInfo.InvariantCulture, $" inflight={InflightAppends}");
        }

        return text + (IsPaused && State != ProgressState.Snapshot ? " paused" : "") + (IsActive ? "" : " inactive");
    }

    private void CheckInvariants()
    {
        Invariant.Holds(Match < Next);
        if (State == ProgressState.Snapshot)
        {
            Invariant.Holds(PendingSnapshot > 0);
        }
        else
        {
            Invariant.Holds(PendingSnapshot == 0);
        }
    }
}
