using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;
using RaftKv.Raft.Replication;

namespace RaftKv.Raft;

// Membership changes: thesis §4. A configuration is in force from the moment it is in the log.
public sealed partial class RaftNode
{
    /// <summary>Asks for a membership change. One is under way at a time.</summary>
    public ProposalTicket ProposeConfigChange(ConfigChange change)
    {
        CheckInvariants();
        var payload = change.Encode();
        ProposalTicket ticket;
        if (Role != Role.Leader)
        {
            ticket = PassOn([payload], EntryKind.ConfigChange);
        }
        else if (WhyRefused(payload.Length) is { } outcome)
        {
            ticket = Refused(outcome);
        }
        else
        {
            ticket = Accept(change, payload);
        }

        CheckInvariants();
        return ticket;
    }

    private ProposalTicket Accept(ConfigChange change, byte[] payload)
    {
        if (!MayChangeConfig)
        {
            return Refused(ProposalOutcome.ChangeInFlight);
        }

        if (!Config.TryChange(change, out _, out var problem))
        {
            return Refused(ProposalOutcome.ChangeNotAllowed, problem);
        }

        AppendOwn(EntryKind.ConfigChange, payload);
        NoteAppended(_log.Last);
        return new ProposalTicket(ProposalOutcome.Accepted, _log.Last, Self);
    }

    private void AcceptForwardedChange(NodeId from, ReadOnlyMemory<byte> payload)
    {
        var outcome = !ConfigChange.TryDecode(payload, out var change) || !Config.TryChange(change, out _, out _)
            ? ProposalOutcome.ChangeNotAllowed
            : ProposalOutcome.ChangeInFlight;
        if (outcome == ProposalOutcome.ChangeNotAllowed || !MayChangeConfig)
        {
            _observer?.On(new ProposalRefused(from, outcome));
            return;
        }

        AppendOwn(EntryKind.ConfigChange, payload);
    }

    // Thesis §4.1 with the correction its author published in 2015: the change before must be committed, and so must an
    // entry of this term, since otherwise an earlier leader's change could still come to light that this leader never
    // saw, and two configurations in use would differ by more than one step.
    private bool MayChangeConfig
        => (ConfigIndex <= _log.Committed && _log.Committed >= _firstOwnIndex) || _faults.AllowsConcurrentChanges;

    /// <summary>
    /// A voter that is alone is every majority there is, and belongs to every majority of the configuration that gives it
    /// company: nobody is elected without it. So what it has on its disk, up to that configuration, can never be replaced,
    /// and is committed, although the newcomer has not heard of it. It could not: it starts when it is in the membership,
    /// and a member that is down cannot help it there. Joint configurations are left to both of their majorities.
    /// </summary>
    /// <returns>How far that goes; 0 if this member is not, or was not, alone.</returns>
    private ulong HeldByLoneVoter(ulong durable)
        => _configs.IsOneStepAhead
            && ConfigIndex > _log.Committed
            && !_configs.Committed.IsJoint
            && _configs.Committed.Voters is [var only]
            && only == Self
            && !Config.IsJoint
            && Config.IsVoter(Self)
            ? Math.Min(ConfigIndex, durable)
            : 0;

    private void AdoptConfig(in Entry entry)
    {
        _configs.Adopt(entry);
        ConfigIsInForce();
    }

    private void ConfigIsInForce()
    {
        CountedConfig = Counted(Config);
        _observer?.On(new ConfigAdopted(ConfigIndex, Config));
        if (Role != Role.Leader)
        {
            return;
        }

        _progress.Follow(Config, _log.Last.Index);
        if (!_transferTarget.IsNone && !Config.IsVoter(_transferTarget))
        {
            EndTransfer();
        }
    }

    /// <summary>The commit index of a leader has moved: perhaps past the newest configuration.</summary>
    private void OnConfigCommitted()
    {
        if (ConfigIndex > _log.Committed)
        {
            return;
        }

        if (Config.LeavesAutomatically)
        {
            AppendOwn(EntryKind.ConfigChange, ConfigChange.LeaveJoint.Encode());
            NoteAppended(_log.Last);
            return;
        }

        if (!Config.IsVoter(Self))
        {
            Retire();
        }
    }

    /// <summary>
    /// Thesis §4.2.2: a leader that has removed itself leads until that is committed, without counting itself. It then
    /// tells everybody how far things are committed, and the member that knows most to campaign, which spares the others
    /// an election timeout.
    /// </summary>
    private void Retire()
    {
        SendToFollowers();
        FollowerProgress? successor = null;
        foreach (var member in _progress.Members)
        {
            if (Config.IsVoter(member.Id) && member.Match >= (successor?.Match ?? 0))
            {
                successor = member;
            }
        }

        if (successor is not null)
        {
            Send(new Message { Kind = MessageKind.TimeoutNow, To = successor.Id, Term = Term });
        }

        BecomeFollower(Term, NodeId.None);
    }

    // Whoever was removed is sent the log until it knows that its removal is committed.
    private void ForgetIfTold(FollowerProgress member)
    {
        if (_progress.Leaving.Contains(member)
            && ConfigIndex <= _log.Committed
            && member.Match >= ConfigIndex
            && member.CommitSent >= ConfigIndex)
        {
            _progress.Leaving.Remove(member);
        }
    }

    // ... or does not answer.
    private void ForgetWhoLeft()
    {
        if (ConfigIndex <= _log.Committed)
        {
            _progress.Leaving.Clear();
        }
    }

    private ClusterConfig Counted(ClusterConfig config)
        => _faults.CountsLearners && config.Learners.Length > 0
            ? ClusterConfig.Of([.. config.Voters, .. config.Learners])
            : config;

    private void RepeatConfigChanges(RaftStart start)
    {
        var config = start.Config;
        var first = start.Log.Start.Index + 1;
        while (first <= start.Applied
            && start.Log.Read(first, start.Applied, long.MaxValue, out var entries) == LogRead.Found)
        {
            foreach (ref readonly var entry in entries.Span)
            {
                if (entry.Kind == EntryKind.ConfigChange && ConfigChange.TryDecode(entry.Payload, out var change))
                {
                    config.TryChange(change, out config, out _);
                }
            }

            first += (ulong)entries.Length;
        }

        _configs.Reset(start.Applied, config);
    }
}
