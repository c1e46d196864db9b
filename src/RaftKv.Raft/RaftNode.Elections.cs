using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;
using RaftKv.Raft.Quorum;

namespace RaftKv.Raft;

// Elections: thesis §3.4, §3.6.1; pre-vote §9.6; leader stickiness §4.2.3; check-quorum §6.2.
public sealed partial class RaftNode
{
    /// <summary>Campaigns without waiting for the timeout. Does nothing on a leader or on a member that may not.</summary>
    public void Campaign()
    {
        CheckInvariants();
        if (Role != Role.Leader)
        {
            Campaign(isTransfer: false);
        }

        CheckInvariants();
    }

    /// <summary>
    /// A follower gives up its leader, so that it grants votes at once: for hosts that know better than timeouts that the
    /// leader is gone. Ignored where reads rely on leases, since a lease is a promise not to do this.
    /// </summary>
    public void ForgetLeader()
    {
        CheckInvariants();
        if (Role == Role.Follower && !Leader.IsNone && _settings.Reads != ReadMode.Lease)
        {
            BecomeFollower(Term, NodeId.None);
        }

        CheckInvariants();
    }

    /// <summary>
    /// The connections to this member broke, and where it was nobody accepts new ones: most likely its process has ended.
    /// If it led, this member campaigns sooner than it would have, and stands in nobody's way who does.
    /// </summary>
    /// <remarks>
    /// It is no proof. The leader may go on, reach everybody else, and rely on what it was promised. Hence:
    /// <list type="bullet">
    /// <item>Whoever leads is still followed, and the first word of it undoes the report.</item>
    /// <item>Others that hear the leader refuse the pre-vote, so a single mistaken member deposes nobody.</item>
    /// <item>Where reads rely on leases, a member that answered a heartbeat neither votes nor campaigns (which is to vote
    /// for itself) before <see cref="RaftConfig.ElectionTicks"/> have passed, whatever it was told. Only what comes on
    /// top of that is shortened. Elsewhere the promise keeps peace, and no answer depends on it.</item>
    /// </list>
    /// </remarks>
    public void ReportGone(NodeId member)
    {
        CheckInvariants();
        if (Role == Role.Follower && member == Leader && !_isLeaderGone)
        {
            _isLeaderGone = true;
            _leastTimeout = Math.Max(_settings.HeartbeatTicks + 1, _settings.ElectionTicks / 3);
            var sooner = _ticksSinceLeaderHeard + NextElectionTimeout();
            if (KeepsPromises)
            {
                sooner = Math.Max(sooner, _settings.ElectionTicks);
            }

            _electionTimeoutTicks = Math.Min(_electionTimeoutTicks, sooner);
            _observer?.On(new LeaderReportedGone(member, Term));
        }

        CheckInvariants();
    }

    // Whether a candidate would disturb a leader that works. A leader counts as hearing itself: check-quorum is what
    // makes it give up.
    private bool HearsLeader
        => _settings.CheckQuorum
            && _ticksSinceLeaderHeard < _settings.ElectionTicks
            && (!Leader.IsNone || MayHaveForgottenLeader)
            && (!_isLeaderGone || KeepsPromises);

    private bool KeepsPromises => _settings.Reads == ReadMode.Lease && !_faults.BreaksPromisesToTheGone;

    // A lease rests on every member's promise not to vote while it hears the leader. A restart forgets whom it heard,
    // so where reads rely on leases, a restarted member behaves as if it had just heard of somebody. Before the first
    // election of all there was nobody to hear of.
    private bool MayHaveForgottenLeader
        => _settings.Reads == ReadMode.Lease
            && _firstTerm > RaftStart.FirstHardState.Term
            && _ticks < (ulong)_settings.ElectionTicks;

    // Voters, unless their log is just being replaced; also a member that was removed by an entry which may not be
    // committed: perhaps only members that have the entry can be elected, and all of them are to be removed (thesis
    // §4.2.2, figure 4.6). It does not count its own vote then.
    private bool MayCampaign
        => !_log.IsInstallingSnapshot
            && (Config.IsVoter(Self) || (ConfigIndex > _log.Committed && _configs.Committed.IsVoter(Self)));

    private void Campaign(bool isTransfer)
    {
        if (!MayCampaign)
        {
            // It can still say that it has lost its leader, so that nothing is sent there and it may vote for another.
            BecomeFollower(Term, NodeId.None);
            return;
        }

        if (_settings.PreVote && !isTransfer)
        {
            BecomePreCandidate();
        }
        else
        {
            BecomeCandidate(isTransfer);
        }
    }

    private void BecomePreCandidate()
    {
        EnterRole(Role.PreCandidate, Term, Vote, NodeId.None);

        // Nothing of this is a promise: term and vote stay as they are, so nothing needs to be durable first.
        foreach (var voter in Config.Members)
        {
            if (voter != Self && CountedConfig.IsVoter(voter))
            {
                Send(new Message
                {
                    Kind = MessageKind.PreVote,
                    To = voter,
                    Term = Term + 1,
                    Position = _log.Last,
                });
            }
        }

        CountVote(Self, isGranted: true);
    }

    private void BecomeCandidate(bool isTransfer)
    {
        EnterRole(Role.Candidate, Term + 1, Self, NodeId.None);

        // The requests wait for the candidate's own vote to be durable. Otherwise a candidate could win by the others'
        // votes alone, crash, forget that it ever was in this term, and lead the same term a second time with another
        // log. Its own vote is counted then, too: see OnPersisted.
        foreach (var voter in Config.Members)
        {
            if (voter != Self && CountedConfig.IsVoter(voter))
            {
                SendOnceTermIsDurable(new Message
                {
                    Kind = MessageKind.Vote,
                    To = voter,
                    Term = Term,
                    Position = _log.Last,
                    IsTransfer = isTransfer,
                });
            }
        }
    }

    private void OnVoteRequest(in Message message)
    {
        // A later term reaches this point only in a pre-vote. Learners answer as well: they may have become voters
        // without having been told yet.
        var isPreVote = message.Kind == MessageKind.PreVote;
        var isFree = Vote == message.From
            || (Vote.IsNone && Leader.IsNone)
            || (isPreVote && message.Term > Term);
        var isUpToDate = message.Position.CompareTo(_log.Last) >= 0 || _faults.IgnoresCandidateLog;
        var isGranted = isFree && isUpToDate && !(isPreVote && IsAhead(message));
        if (isGranted && !isPreVote)
        {
            Vote = message.From;
            _ticksSinceLeaderHeard = 0;
        }

        if (isGranted && isPreVote && Role == Role.PreCandidate && message.Term == Term + 1)
        {
            BecomeFollower(Term, NodeId.None); // It goes first.
        }

        _observer?.On(new VoteDecided(message.From, message.Term, isPreVote, isGranted));
        SendOnceTermIsDurable(new Message
        {
            Kind = isPreVote ? MessageKind.PreVoteResponse : MessageKind.VoteResponse,
            To = message.From,

            // A grant repeats the term that was asked for, so that a later round is not won by it; a refusal tells the
            // asker where the others are.
            Term = isGranted ? message.Term : Term,
            IsRejected = !isGranted,
        });
    }

    // Two that ask for the same term at once would both be told to go on, and then share the votes between them, which costs
    // another timeout. So one goes first: whose log is longer, or else whose number is higher. A pre-vote promises nothing,
    // and may be refused for any reason.
    private bool IsAhead(in Message message)
        => Role == Role.PreCandidate
            && message.Term == Term + 1
            && (_log.Last.CompareTo(message.Position), Self.Value.CompareTo(message.From.Value)) is ( > 0, _) or (0, > 0);

    private void OnVoteResponse(in Message message)
    {
        var isPreVote = message.Kind == MessageKind.PreVoteResponse;
        if (Role != (isPreVote ? Role.PreCandidate : Role.Candidate))
        {
            Ignore(message, "not asking for votes");
            return;
        }

        if (isPreVote && !message.IsRejected && message.Term != Term + 1)
        {
            Ignore(message, "a grant for another term");
            return;
        }

        CountVote(message.From, !message.IsRejected);
    }

    private void CountVote(NodeId voter, bool isGranted)
    {
        _votes.Record(voter, isGranted);
        _observer?.On(new VoteCounted(voter, Term, Role == Role.PreCandidate, isGranted));
        switch (JointQuorum.Count(CountedConfig, _votes))
        {
            case VoteResult.Won when Role == Role.PreCandidate:
                BecomeCandidate(isTransfer: false);
                break;

            case VoteResult.Won:
                BecomeLeader();
                break;

            case VoteResult.Lost:
                BecomeFollower(Term, NodeId.None);
                break;
        }
    }

    private void BecomeLeader()
    {
        Invariant.Holds(Role == Role.Candidate);
        Invariant.Holds(Vote == Self);
        Invariant.Holds(IsTermDurable || _faults.AnswersBeforeDurable);

        EnterRole(Role.Leader, Term, Vote, Self);
        _progress.Clear();
        _progress.Follow(Config, _log.Last.Index);
        foreach (var member in _progress.Members)
        {
            member.Reset(match: member.Id == Self ? _log.Durable : 0, next: _log.Last.Index + 1);
            member.IsActive = member.Id == Self;
        }

        _uncommittedBytes = 0;
        _round = 0;
        _roundTicks.Clear();
        _isLeaseBroken = false;
        _heartbeatTicks = 0;
        _ticksSinceQuorumChecked = 0;

        // Thesis §6.4 and §3.6.2: only by committing an entry of its own term does a leader learn what is committed.
        _firstOwnIndex = _log.Last.Index + 1;
        AppendOwn(EntryKind.Command, ReadOnlyMemory<byte>.Empty);
        NoteAppended(_log.Last);
    }

    private void CheckQuorum()
    {
        var hasQuorum = JointQuorum.Reached(CountedConfig, _progress.Activity) >= 1;
        foreach (var member in _progress.Members)
        {
            member.IsActive = member.Id == Self;
        }

        if (!hasQuorum)
        {
            BecomeFollower(Term, NodeId.None);
        }
    }
}
