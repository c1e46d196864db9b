using RaftKv.Raft.Messages;
using RaftKv.Raft.Replication;

namespace RaftKv.Raft;

// Leadership transfer: thesis §3.10.
public sealed partial class RaftNode
{
    /// <summary>Hands leadership over to a voter. Until that has happened, or an election timeout has passed, this leader
    /// refuses proposals, so that the target can catch up. A later request replaces an earlier one.</summary>
    public TransferOutcome TransferLeadership(NodeId target)
    {
        CheckInvariants();
        var outcome = Transfer(target);
        CheckInvariants();
        return outcome;
    }

    private TransferOutcome Transfer(NodeId target)
    {
        if (Leader.IsNone)
        {
            return TransferOutcome.NoLeader;
        }

        if (target == Leader)
        {
            return TransferOutcome.AlreadyLeader;
        }

        if (Role != Role.Leader)
        {
            Send(new Message { Kind = MessageKind.TransferLeadership, To = Leader, Token = target.Value });
            return TransferOutcome.Forwarded;
        }

        if (!Config.IsVoter(target) || _progress.Find(target) is not { } member)
        {
            return TransferOutcome.NotAVoter;
        }

        if (_transferTarget == target)
        {
            return TransferOutcome.Started;
        }

        if (!_transferTarget.IsNone)
        {
            EndTransfer();
        }

        _transferTarget = target;
        _transferTicks = 0;
        _observer?.On(new TransferChanged(target, IsUnderWay: true));

        if (member.Match == _log.Last.Index)
        {
            HandOverIfReady(member);
        }
        else
        {
            // Its acknowledgement of the last entry starts the handing over; ask for it.
            member.IsAppendDue = true;
        }

        return TransferOutcome.Started;
    }

    private void OnTransferLeadership(in Message message)
    {
        if (Role != Role.Leader)
        {
            Ignore(message, "not the leader");
            return;
        }

        Transfer(new NodeId(message.Token));
    }

    private void HandOverIfReady(FollowerProgress member)
    {
        if (member.Id == _transferTarget && member.Match == _log.Last.Index)
        {
            _isLeaseBroken = true;
            Send(new Message { Kind = MessageKind.TimeoutNow, To = member.Id, Term = Term });
        }
    }

    private void EndTransfer()
    {
        var target = _transferTarget;
        _transferTarget = NodeId.None;
        _transferTicks = 0;
        _observer?.On(new TransferChanged(target, IsUnderWay: false));
    }

    private void OnTimeoutNow(in Message message)
    {
        if (Role == Role.Leader)
        {
            Ignore(message, "leads already");
            return;
        }

        // No pre-vote: the others still hear the leader, and would refuse; the leader itself wants this election.
        Campaign(isTransfer: true);
    }
}
