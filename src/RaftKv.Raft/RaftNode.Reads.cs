using RaftKv.Raft.Messages;
using RaftKv.Raft.Quorum;
using RaftKv.Raft.Reads;

namespace RaftKv.Raft;

// Linearizable reads without writing to the log: thesis §6.4, leases §6.4.1.
public sealed partial class RaftNode
{
    /// <summary>
    /// Asks for an index that, once applied, makes a local read linearizable. The answer comes as a
    /// <see cref="ReadState"/> with the caller's token. Any number of reads may share a token, but a token is not used
    /// twice, nor after a restart: an answer that was long under way would be taken for the new one.
    /// </summary>
    public ReadOutcome ReadIndex(ulong token)
    {
        CheckInvariants();
        var outcome = ReadOutcome.Asked;
        if (Role == Role.Leader)
        {
            AddRead(new Reader(Self, token));
        }
        else if (Leader.IsNone)
        {
            outcome = ReadOutcome.NoLeader;
        }
        else
        {
            Send(new Message { Kind = MessageKind.ReadIndex, To = Leader, Token = token });
        }

        CheckInvariants();
        return outcome;
    }

    private void OnReadIndex(in Message message)
    {
        if (Role == Role.Leader)
        {
            AddRead(new Reader(message.From, message.Token));
        }
        else
        {
            // Not passed on: the answer would have to find its way back. The asker tries again once it knows the leader.
            Ignore(message, "not the leader");
        }
    }

    private void OnReadIndexResponse(in Message message)
        => _answeredReads.Add(new ReadState(message.Token, message.Commit));

    private void AddRead(Reader reader)
    {
        if (_faults.ReadsWithoutRound)
        {
            Answer(reader, _log.Committed);
            return;
        }

        _reads.Add(reader);
    }

    /// <summary>
    /// Starts a round for all reads that wait. Its index is what is committed now: every write acknowledged before those
    /// reads arrived is at or below it, provided this member still leads, which is what the round finds out.
    /// </summary>
    private void StartReadRound()
    {
        // A new leader does not know what is committed until an entry of its own term is.
        var knowsCommitted = _log.Committed >= _firstOwnIndex || _faults.ReadsBeforeOwnCommit;
        if (!_reads.AnyWaiting || _reads.Round != 0 || !knowsCommitted)
        {
            return;
        }

        if (HoldsLease)
        {
            _reads.StartRound(Math.Max(_round, 1), _log.Committed);
            EndReadRound();
            return;
        }

        _reads.StartRound(_round + 1, _log.Committed);
        BroadcastHeartbeat();
        AnswerConfirmedReads();
    }

    private void AnswerConfirmedReads()
    {
        // Every member repeats the round of the newest heartbeat it has seen, so later rounds confirm earlier ones.
        if (_reads.Round != 0 && JointQuorum.Reached(CountedConfig, _progress.AnsweredRounds) >= _reads.Round)
        {
            EndReadRound();
        }
    }

    private void EndReadRound()
    {
        _observer?.On(new ReadRoundConfirmed(_reads.Round, _reads.Index, _reads.InRound.Count));
        foreach (var reader in _reads.InRound)
        {
            Answer(reader, _reads.Index);
        }

        _reads.EndRound();
    }

    private void Answer(Reader reader, ulong index)
    {
        if (reader.From == Self)
        {
            _answeredReads.Add(new ReadState(reader.Token, index));
            return;
        }

        Send(new Message
        {
            Kind = MessageKind.ReadIndexResponse,
            To = reader.From,
            Term = Term,
            Token = reader.Token,
            Commit = index,
        });
    }

    /// <summary>
    /// Whether nobody else can have been elected: a quorum answered a heartbeat that was sent less than an election
    /// timeout ago, and whoever answers one votes for nobody for an election timeout. Counted from when the heartbeat
    /// was sent, since that is before any of them heard it; shortened by a margin for clocks that run unlike.
    /// </summary>
    private bool HoldsLease
    {
        get
        {
            if (_settings.Reads != ReadMode.Lease || (_isLeaseBroken && !_faults.KeepsLeaseOverTransfer))
            {
                return false;
            }

            var answered = JointQuorum.Reached(CountedConfig, _progress.AnsweredRounds);
            var sentAt = 0UL;
            while (_roundTicks.TryPeek(out var round) && round.Round <= answered)
            {
                sentAt = round.Tick;
                if (round.Round == answered)
                {
                    break; // Kept: it is the start of the lease until a later round is answered.
                }

                _roundTicks.Dequeue();
            }

            return sentAt > 0 && _ticks - sentAt < (ulong)(_settings.ElectionTicks - _settings.LeaseMarginTicks);
        }
    }
}
