using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;
using RaftKv.Raft.Quorum;
using RaftKv.Raft.Replication;

namespace RaftKv.Raft;

// Replication: thesis §3.5, §3.6.2; pipelining and the leader's own write in parallel §10.2.
public sealed partial class RaftNode
{
    private readonly ReadOnlyMemory<byte>[] _one = new ReadOnlyMemory<byte>[1];

    /// <summary>Asks for a command to be appended. The payload must not change from here on.</summary>
    public ProposalTicket Propose(ReadOnlyMemory<byte> payload)
    {
        _one[0] = payload;
        return Propose(_one);
    }

    /// <summary>Asks for commands to be appended, in this order, one right after the other: all of them or none.</summary>
    public ProposalTicket Propose(ReadOnlySpan<ReadOnlyMemory<byte>> payloads)
    {
        CheckInvariants();
        var ticket = Role == Role.Leader ? Accept(payloads) : PassOn(payloads, EntryKind.Command);
        CheckInvariants();
        return ticket;
    }

    /// <summary>The network could not take messages to this member. Stops sending ahead until it answers again.</summary>
    public void ReportUnreachable(NodeId member)
    {
        CheckInvariants();
        if (_progress.Find(member) is { State: ProgressState.Replicate } progress)
        {
            // A message that was under way is probably lost.
            progress.BecomeProbe();
            progress.IsAppendDue = true;
            _observer?.On(new ProgressChanged(member, ProgressState.Replicate, ProgressState.Probe));
        }

        CheckInvariants();
    }

    private ProposalTicket Accept(ReadOnlySpan<ReadOnlyMemory<byte>> payloads)
    {
        var bytes = 0L;
        foreach (ref readonly var payload in payloads)
        {
            bytes += payload.Length;
        }

        if (WhyRefused(bytes) is { } outcome)
        {
            return Refused(outcome);
        }

        var first = new LogPosition(Term, _log.Last.Index + 1);
        _log.StartBatch(payloads.Length);
        foreach (ref readonly var payload in payloads)
        {
            AppendOwn(EntryKind.Command, payload);
        }

        NoteAppended(first);
        return new ProposalTicket(ProposalOutcome.Accepted, first, Self);
    }

    private ProposalOutcome? WhyRefused(long bytes)
    {
        if (!_transferTarget.IsNone)
        {
            return ProposalOutcome.Transferring;
        }

        if (!Config.IsVoter(Self))
        {
            return ProposalOutcome.Leaving;
        }

        // The first of all is taken however large it is: otherwise it could never be. Entries without payload are
        // taken always: they are the leader's own doing.
        var isOverLimit = bytes > 0 && _uncommittedBytes > 0 && _uncommittedBytes + bytes > _settings.MaxUncommittedBytes;
        return isOverLimit ? ProposalOutcome.Overloaded : null;
    }

    private ProposalTicket Refused(ProposalOutcome outcome, string problem = "")
    {
        _observer?.On(new ProposalRefused(Self, outcome));
        return new ProposalTicket(outcome, LogPosition.Zero, Leader, problem);
    }

    private ProposalTicket PassOn(ReadOnlySpan<ReadOnlyMemory<byte>> payloads, EntryKind kind)
    {
        if (Leader.IsNone)
        {
            return Refused(ProposalOutcome.NoLeader);
        }

        if (!_settings.ForwardProposals)
        {
            return Refused(ProposalOutcome.NotLeader);
        }

        var entries = new Entry[payloads.Length];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = new Entry(term: 0, index: 0, kind, payloads[i]);
        }

        Send(new Message { Kind = MessageKind.Propose, To = Leader, Entries = entries });
        return new ProposalTicket(ProposalOutcome.Forwarded, LogPosition.Zero, Leader);
    }

    private void OnPropose(in Message message)
    {
        if (Role != Role.Leader)
        {
            PassOnOnce(message);
            return;
        }

        var bytes = 0L;
        foreach (ref readonly var entry in message.Entries.Span)
        {
            bytes += entry.Payload.Length;
        }

        if (WhyRefused(bytes) is { } outcome)
        {
            _observer?.On(new ProposalRefused(message.From, outcome));
            return;
        }

        var first = new LogPosition(Term, _log.Last.Index + 1);
        _log.StartBatch(message.Entries.Length);
        foreach (ref readonly var entry in message.Entries.Span)
        {
            if (entry.Kind == EntryKind.Command)
            {
                AppendOwn(EntryKind.Command, entry.Payload);
            }
            else
            {
                AcceptForwardedChange(message.From, entry.Payload);
            }
        }

        NoteAppended(first);
    }

    // The sender's leader has lost its office; perhaps its follower knows the new one. But never back to where it came
    // from: two members that each take the other for the leader would play ball.
    private void PassOnOnce(in Message message)
    {
        if (Leader.IsNone || Leader == message.From)
        {
            Ignore(message, "no leader to pass it on to");
            return;
        }

        Send(message with { To = Leader });
    }

    private void AppendOwn(EntryKind kind, ReadOnlyMemory<byte> payload)
    {
        var entry = new Entry(Term, _log.Last.Index + 1, kind, payload);
        _log.Append(entry);
        _uncommittedBytes += payload.Length;
        if (kind == EntryKind.ConfigChange)
        {
            AdoptConfig(entry);
        }
    }

    private void NoteAppended(LogPosition first)
    {
        if (_log.Last.Index >= first.Index)
        {
            _observer?.On(new EntriesAppended(first, _log.Last));
        }
    }

    /// <summary>
    /// Sends every follower what it may be sent now. Called as the Ready is taken, so that entries and the commit index
    /// of many inputs leave as one append.
    /// </summary>
    private void SendToFollowers()
    {
        foreach (var member in _progress.Members)
        {
            if (member.Id != Self)
            {
                SendWhatIsDue(member);
            }
        }

        foreach (var member in _progress.Leaving)
        {
            SendWhatIsDue(member);
        }
    }

    private void SendWhatIsDue(FollowerProgress member)
    {
        bool isSent;
        do
        {
            if (member.State == ProgressState.Snapshot)
            {
                return;
            }

            var hasEntries = !member.IsPaused && member.Next <= _log.Last.Index;

            // An append without entries: to ask where the follower is, or to tell it of commits. It may overtake a full
            // window, since it ties up nothing.
            var isQuestion = member.IsAppendDue && !member.IsProbeOutstanding;
            var isNews = member.State == ProgressState.Replicate
                && Math.Min(_log.Committed, member.Next - 1) > member.CommitSent;
            isSent = (hasEntries || isQuestion || isNews) && TrySendAppend(member, hasEntries);
        }
        while (isSent && member.State == ProgressState.Replicate);
    }

    private bool TrySendAppend(FollowerProgress member, bool withEntries)
    {
        var previous = member.Next - 1;
        if (!_log.TryGetTerm(previous, out var previousTerm))
        {
            return TrySendSnapshot(member);
        }

        var entries = ReadOnlyMemory<Entry>.Empty;
        if (withEntries)
        {
            switch (_log.Read(member.Next, _log.Last.Index, _settings.MaxAppendBytes, out entries))
            {
                case LogRead.Compacted: return TrySendSnapshot(member);
                case LogRead.Unavailable: return false; // The next Ready asks again.
            }
        }

        var last = previous + (ulong)entries.Length;
        var bytes = 0L;
        foreach (ref readonly var entry in entries.Span)
        {
            bytes += entry.CountedBytes;
        }

        member.Sent(last, bytes);
        member.CommitSent = Math.Max(member.CommitSent, Math.Min(_log.Committed, last));
        Send(new Message
        {
            Kind = MessageKind.Append,
            To = member.Id,
            Term = Term,
            Position = new LogPosition(previousTerm, previous),
            Entries = entries,
            Commit = _log.Committed,
        });
        return true;
    }

    private void OnAppend(in Message message)
    {
        FollowLeader(message);
        var previous = message.Position;
        if (previous.Index < _log.Committed && !_faults.TruncatesAlways)
        {
            // Old news: whatever is committed is the same everywhere. Says how far that is.
            Acknowledge(message.From, _log.Committed);
            return;
        }

        if (!_log.Holds(previous))
        {
            SendOnceTermIsDurable(new Message
            {
                Kind = MessageKind.AppendResponse,
                To = message.From,
                Term = Term,
                Position = previous,
                Hint = _log.LastPossibleMatch(previous),
                IsRejected = true,
            });
            return;
        }

        TakeOver(message.Entries.Span);
        var last = previous.Index + (ulong)message.Entries.Length;

        // What lies beyond the entries of this message may still be another leader's.
        if (Math.Min(message.Commit, last) > _log.Committed)
        {
            CommitTo(Math.Min(message.Commit, last));
        }

        Acknowledge(message.From, last);
    }

    /// <summary>Thesis figure 3.1: keeps what agrees, replaces from the first entry that does not.</summary>
    private void TakeOver(ReadOnlySpan<Entry> entries)
    {
        if (_faults.TruncatesAlways && !entries.IsEmpty && entries[^1].Index < _log.Last.Index)
        {
            Truncate(entries[^1].Index + 1);
        }

        var known = 0;
        while (known < entries.Length && _log.Holds(entries[known].Position))
        {
            known++;
        }

        if (known == entries.Length)
        {
            return;
        }

        var added = entries[known..];
        if (added[0].Index <= _log.Last.Index)
        {
            Truncate(added[0].Index);
        }

        _log.StartBatch(added.Length);
        foreach (ref readonly var entry in added)
        {
            _log.Append(entry);
            if (entry.Kind == EntryKind.ConfigChange)
            {
                AdoptConfig(entry);
            }
        }

        _observer?.On(new EntriesAppended(added[0].Position, added[^1].Position));
    }

    private void Truncate(ulong from)
    {
        _log.TruncateFrom(from);
        _observer?.On(new LogTruncated(from));
        if (_configs.TruncateFrom(from))
        {
            ConfigIsInForce();
        }
    }

    /// <summary>Tells the leader that everything up to an index is durable here, as soon as that is so.</summary>
    private void Acknowledge(NodeId leader, ulong index)
    {
        var write = Math.Max(WriteThatMakesTermDurable, _log.WriteThatMakesDurable(index));
        SendAfter(write, new Message
        {
            Kind = MessageKind.AppendResponse,
            To = leader,
            Term = Term,
            Position = new LogPosition(0, index),
        });
    }

    private void OnAppendResponse(in Message message)
    {
        if (Role != Role.Leader || _progress.Find(message.From) is not { } member)
        {
            Ignore(message, "not led by this member");
            return;
        }

        member.IsActive = true;
        if (message.IsRejected)
        {
            OnRejected(member, message);
        }
        else
        {
            OnAccepted(member, message.Position.Index);
        }
    }

    private void OnRejected(FollowerProgress member, in Message message)
    {
        // The follower has skipped its entries of terms above the leader's; skip the leader's above the follower's.
        var before = member.State;
        var hint = _log.LastPossibleMatch(message.Hint);
        if (member.StepBack(message.Position.Index, hint.Index))
        {
            member.IsAppendDue = true;
            NoteProgress(member, before);
        }
    }

    private void OnAccepted(FollowerProgress member, ulong index)
    {
        Invariant.Holds(index <= _log.Last.Index);
        var before = member.State;
        var isNews = member.Acknowledge(index);
        switch (member.State)
        {
            case ProgressState.Probe when index == member.Match:
                member.BecomeReplicate();
                break;

            case ProgressState.Snapshot when member.Match + 1 >= _log.FirstIndex:
                // It caught up by the snapshot, or by appends that arrived late; either way the log reaches it again,
                // whatever the host still has to say about the transmission.
                member.BecomeReplicate();
                break;
        }

        NoteProgress(member, before);
        if (isNews)
        {
            CommitWhatAQuorumHolds();
        }

        if (Role == Role.Leader)
        {
            HandOverIfReady(member);
            ForgetIfTold(member);
        }
    }

    private void NoteProgress(FollowerProgress member, ProgressState before)
    {
        if (member.State != before)
        {
            _observer?.On(new ProgressChanged(member.Id, before, member.State));
        }
    }

    /// <summary>
    /// Thesis §3.6.2: an entry of an earlier term on a majority may still be replaced (figure 3.7), so only entries of
    /// the own term are committed by counting; those before them are committed along with them.
    /// </summary>
    private void CommitWhatAQuorumHolds()
    {
        var held = Math.Min(JointQuorum.Reached(CountedConfig, _progress.Matches), _log.Last.Index);
        held = Math.Max(held, HeldByLoneVoter(_progress.Matches.ReachedBy(Self)));
        if (held <= _log.Committed || (held < _firstOwnIndex && !_faults.CommitsOldTerms))
        {
            return;
        }

        for (var index = Math.Max(_log.Committed + 1, _firstOwnIndex); index <= held; index++)
        {
            _uncommittedBytes -= _log.At(index).Payload.Length;
        }

        CommitTo(held);
        OnConfigCommitted();
    }

    private void CommitTo(ulong index)
    {
        _log.CommitTo(index);
        _configs.CommitThrough(index);
        _observer?.On(new CommitAdvanced(index));
    }

    private void BroadcastHeartbeat()
    {
        _heartbeatTicks = 0;
        _round++;
        if (_settings.Reads == ReadMode.Lease)
        {
            _roundTicks.Enqueue((_round, _ticks));
            if (_ticks - _roundTicks.Peek().Tick > (ulong)_settings.ElectionTicks)
            {
                _roundTicks.Dequeue(); // Too old to be worth anything, should an answer still come.
            }
        }

        foreach (var member in _progress.Members)
        {
            if (member.Id == Self)
            {
                member.HeardHeartbeat(_round);
                continue;
            }

            Send(new Message
            {
                Kind = MessageKind.Heartbeat,
                To = member.Id,
                Term = Term,

                // Not beyond what the follower is known to hold: what else it holds may not be this leader's log.
                Commit = Math.Min(member.Match, _log.Committed),
                Token = _round,
            });
        }
    }

    private void OnHeartbeat(in Message message)
    {
        FollowLeader(message);
        if (message.Commit > _log.Committed)
        {
            // More than we hold: an acknowledged entry is gone, which no member may survive.
            Invariant.Holds(message.Commit <= _log.Last.Index);
            CommitTo(message.Commit);
        }

        SendOnceTermIsDurable(new Message
        {
            Kind = MessageKind.HeartbeatResponse,
            To = message.From,
            Term = Term,
            Token = message.Token,
        });
    }

    private void OnHeartbeatResponse(in Message message)
    {
        if (Role != Role.Leader || _progress.Find(message.From) is not { } member)
        {
            Ignore(message, "not led by this member");
            return;
        }

        member.IsActive = true;
        member.HeardHeartbeat(message.Token);
        if (member.Match < _log.Last.Index || member.State == ProgressState.Probe)
        {
            // Perhaps an append or its answer was lost: ask where it is.
            member.IsAppendDue = true;
        }

        AnswerConfirmedReads();
    }

    /// <summary>Somebody leads this term. Whoever else tried to has lost.</summary>
    private void FollowLeader(in Message message)
    {
        Invariant.Holds(Role != Role.Leader); // At most one leader per term.
        Invariant.Holds(Leader.IsNone || Leader == message.From);
        if (Role != Role.Follower || Leader != message.From)
        {
            BecomeFollower(Term, message.From);
        }

        _ticksSinceLeaderHeard = 0;
        if (_isLeaderGone)
        {
            // It was not: back to the patience of those who hear a leader.
            _isLeaderGone = false;
            _leastTimeout = _settings.ElectionTicks;
            _electionTimeoutTicks = NextElectionTimeout();
        }
    }
}
