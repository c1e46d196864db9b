using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;
using RaftKv.Simulation.Members;

namespace RaftKv.Simulation.Safety;

/// <summary>
/// Hands what happens to every property it concerns. Knows each member's log as a chain of hashes and how much of it the
/// disk has confirmed; the properties know nothing of members beyond that.
/// </summary>
internal sealed class SafetyChecks
{
    private readonly PendingConfigs _changes = new();
    private readonly ElectionSafety _elections = new();
    private readonly OneVotePerTerm _votes = new();
    private readonly LogMatching _matching = new();
    private readonly LeaderCompleteness _completeness;
    private readonly StateMachineSafety _states;
    private readonly Monotonic _monotonic = new();
    private readonly AcknowledgedIsDurable _acknowledged = new();
    private readonly ConfigurationSafety _configurations;
    private readonly List<MemberRecord> _members = [];

    // What is in some log and not agreed upon yet.
    private readonly Dictionary<LogPosition, (Entry Entry, long At)> _written = [];
    private readonly Func<NodeId, ulong, ulong, bool> _isOnDisk;

    public SafetyChecks()
    {
        _completeness = new LeaderCompleteness(Ledger);
        _states = new StateMachineSafety(Ledger);
        _configurations = new ConfigurationSafety(Ledger);
        _isOnDisk = (member, index, hash) =>
        {
            var record = Of(member);
            return IsIn(record.Log, record.DurableIndex, index, hash)
                || (record.ForgottenLog is { } forgotten && IsIn(forgotten, record.ForgottenIndex, index, hash));
        };
    }

    public Ledger Ledger { get; } = new();

    /// <summary>Told of each entry when the cluster has agreed upon it, in their order, and of when it was first written
    /// anywhere.</summary>
    public Action<Entry, long>? Agreed { get; set; }

    public Func<long> Now { get; set; } = static () => 0;

    /// <summary>See <see cref="StateMachineSafety.LooksAtSome"/>.</summary>
    public bool LooksAtSomeStates
    {
        get => _states.LooksAtSome;
        set => _states.LooksAtSome = value;
    }

    /// <summary>A member has read back its log and state, after a restart or before its first steps.</summary>
    public void Recovered(NodeId member, ILogReader log, MemberState state, ulong stateHash)
    {
        var record = Of(member);
        record.ElectedIn = 0;
        (record.ReplacedIn, record.DurableBefore) = (0, 0);
        if (!_matching.TryGetHash(log.Start, out var startHash))
        {
            throw new Violation(nameof(LogMatching), $"the log of {member} starts at {log.Start}, which never was");
        }

        // A disk that turns out to be damaged had what it had until now.
        var entries = Entries(log);
        record.Log.Restart(log.Start, startHash);
        Put(record, entries);

        record.DurableIndex = record.Log.LastIndex;
        _acknowledged.Recovered(member, record.Log);
        _monotonic.Restarted(member);
        if (state.Position.Index > 0)
        {
            _states.IsIn(member, state.Position.Index, stateHash, state.Config);
        }
    }

    /// <summary>A member is told to write entries, after a snapshot if there is one.</summary>
    public void Writing(NodeId member, LogPosition? reset, ReadOnlySpan<Entry> entries)
    {
        var record = Of(member);
        if (reset is { } position)
        {
            if (!_matching.TryGetHash(position, out var hash))
            {
                throw new Violation(nameof(LogMatching), $"{member} installs {position}, which never was");
            }

            record.Log.Restart(position, hash);
            record.DurableIndex = Math.Min(record.DurableIndex, position.Index - 1);
        }

        if (!entries.IsEmpty && entries[0].Index <= record.Log.LastIndex)
        {
            _acknowledged.Replaced(member, entries[0].Index, record.Log);
            if (entries[0].Term > record.ReplacedIn)
            {
                (record.ReplacedIn, record.DurableBefore) = (entries[0].Term, record.DurableIndex);
            }

            record.DurableIndex = Math.Min(record.DurableIndex, entries[0].Index - 1);
        }

        Put(record, entries);
    }

    public void Durable(NodeId member, ulong index)
    {
        var record = Of(member);
        record.DurableIndex = Math.Min(index, record.Log.LastIndex);
    }

    public void Sent(in Message message)
    {
        _votes.Sent(message);
        var record = Of(message.From);
        if (message.Term < record.ReplacedIn)
        {
            // What a member has heard at once it does at once: an acknowledgement may leave when a later leader has had what
            // it speaks of replaced. The one it goes to can commit nothing by it: those who elected the later leader had no
            // such entry, and are a majority.
            _acknowledged.Sent(message, record.DurableBefore, log: null);
        }
        else
        {
            _acknowledged.Sent(message, record.DurableIndex, record.Log);
        }

        if (message.Kind is not (MessageKind.PreVote or MessageKind.PreVoteResponse))
        {
            _monotonic.Spoke(message.From, message.Term);
        }
    }

    public void Applied(NodeId member, in Entry entry, ulong state, ClusterConfig config)
        => _states.Applied(member, entry, state, config);

    public void Installed(NodeId member, MemberState state, ulong stateHash)
        => _states.IsIn(member, state.Position.Index, stateHash, state.Config);

    /// <summary>A commit index, a role or a configuration may have changed, and what had to be handed out has been.</summary>
    public void Stepped(RaftNode raft)
    {
        var record = Of(raft.Self);
        _monotonic.Stepped(raft);
        if (raft.Committed != record.Committed)
        {
            Committed(raft, record);
        }

        _configurations.InUse(raft);
        record.SteppedWith = raft.Config;
        if (raft.Role != Role.Leader)
        {
            return;
        }

        if (record.ElectedIn != raft.Term)
        {
            record.ElectedIn = raft.Term;
            _elections.Elected(raft.Self, raft.Term);
            _completeness.Elected(raft.Self, raft.Term, record.Log);
        }

        if (record.LedWith != raft.ConfigIndex)
        {
            record.LedWith = raft.ConfigIndex;
            _configurations.LeadsWith(raft);
        }
    }

    /// <summary>A member's disk is gone, and with it what it had promised.</summary>
    public void Lost(NodeId member) => _acknowledged.Lost(member);

    /// <summary>A member's disk is gone, and it comes back as if it had never run. What it had acknowledged until then it
    /// had.</summary>
    public void Forgotten(NodeId member)
    {
        var record = Of(member);
        (record.ForgottenLog, record.ForgottenIndex) = (record.Log, record.DurableIndex);
        record.Log = new LogImage();
        record.Log.Restart(LogPosition.Zero, 0);
        record.DurableIndex = 0;
        record.Committed = 0;
        _acknowledged.Lost(member);
        _monotonic.Forgotten(member);
    }

    private static Entry[] Entries(ILogReader log)
    {
        var all = new List<Entry>();
        var next = log.Start.Index + 1;
        while (next <= log.Last.Index && log.Read(next, log.Last.Index, long.MaxValue, out var entries) == LogRead.Found)
        {
            all.AddRange(entries.Span);
            next += (ulong)entries.Length;
        }

        return [.. all];
    }

    private static bool IsIn(LogImage log, ulong durable, ulong index, ulong hash)
        => index <= durable && (index <= log.Start || (log.Contains(index) && log.HashAt(index) == hash));

    private void Committed(RaftNode raft, MemberRecord record)
    {
        record.Committed = raft.Committed;
        if (raft.Committed <= Ledger.LastIndex)
        {
            _states.Committed(raft.Self, record.Log, raft.Committed);
            return;
        }

        // The hash covers all before it, so comparing where the two part is comparing everything.
        _states.Committed(raft.Self, record.Log, Ledger.LastIndex);
        if (!record.Log.Contains(raft.Committed) || Ledger.LastIndex < record.Log.Start)
        {
            throw new Violation(
                nameof(StateMachineSafety), $"{raft.Self} takes {raft.Committed} for committed and does not have it");
        }

        while (Ledger.LastIndex < raft.Committed)
        {
            Ledger.Add(record.Log, Ledger.LastIndex + 1, raft.Term, _changes);
            if (Agreed is not null && _written.Remove(new LogPosition(Ledger[Ledger.LastIndex].Term, Ledger.LastIndex), out var written))
            {
                Agreed(written.Entry, written.At);
            }
        }

        var hash = record.Log.HashAt(raft.Committed);
        if (raft.Role == Role.Leader && !IsHeldByLoneVoter(raft, hash))
        {
            // A member that has done several things at once may have committed before it took on another configuration.
            if (!_states.LooksAtSome
                || record.SteppedWith.IsEmpty
                || !CommittedIsOnAQuorum.Holds(raft.Committed, hash, record.SteppedWith, _isOnDisk))
            {
                CommittedIsOnAQuorum.Check(raft.Committed, hash, raft.Config, _isOnDisk);
            }
        }
    }

    // Through the change that gives it company, and no further.
    private bool IsHeldByLoneVoter(RaftNode raft, ulong hash)
        => raft.Committed <= raft.ConfigIndex
            && CommittedIsOnAQuorum.DecidesAlone(
                raft.Self, Ledger.ConfigAt(Math.Min(raft.Committed, raft.ConfigIndex - 1)), raft.Config)
            && _isOnDisk(raft.Self, raft.Committed, hash);

    private void Put(MemberRecord record, ReadOnlySpan<Entry> entries)
    {
        foreach (ref readonly var entry in entries)
        {
            _matching.Written(record.Id, entry.Position, record.Log.Put(entry));
            if (Agreed is not null && entry.Index > Ledger.LastIndex)
            {
                _written.TryAdd(entry.Position, (entry, Now()));
            }

            _changes.Note(entry);
        }
    }

    private MemberRecord Of(NodeId member)
    {
        while (_members.Count <= (int)member.Value)
        {
            var record = new MemberRecord(new NodeId((ulong)_members.Count));
            record.Log.Restart(LogPosition.Zero, 0);
            _members.Add(record);
        }

        return _members[(int)member.Value];
    }

    private sealed class MemberRecord(NodeId id)
    {
        public NodeId Id { get; } = id;

        public LogImage Log { get; set; } = new();

        /// <summary>What was on a disk that is gone.</summary>
        public LogImage? ForgottenLog { get; set; }

        public ulong ForgottenIndex { get; set; }

        public ulong DurableIndex { get; set; }

        /// <summary>The latest term in which entries were replaced by this process, and what the disk had confirmed
        /// before.</summary>
        public ulong ReplacedIn { get; set; }

        public ulong DurableBefore { get; set; }

        public ulong Committed { get; set; }

        /// <summary>The configuration when it was looked at last.</summary>
        public ClusterConfig SteppedWith { get; set; } = ClusterConfig.Empty;

        public ulong ElectedIn { get; set; }

        public ulong LedWith { get; set; }
    }
}
