using System.Diagnostics;
using RaftKv.Raft.Messages;

namespace RaftKv.Raft;

public sealed partial class RaftNode
{
    /// <summary>Feeds one message from another member. What follows from it is collected for the next Ready.</summary>
    public void Step(in Message message)
    {
        CheckInvariants();
        if (ReconcileTerm(message))
        {
            Dispatch(message);
        }

        CheckInvariants();
    }

    private void Dispatch(in Message message)
    {
        switch (message.Kind)
        {
            case MessageKind.Append: OnAppend(message); break;
            case MessageKind.AppendResponse: OnAppendResponse(message); break;
            case MessageKind.Heartbeat: OnHeartbeat(message); break;
            case MessageKind.HeartbeatResponse: OnHeartbeatResponse(message); break;
            case MessageKind.InstallSnapshot: OnInstallSnapshot(message); break;
            case MessageKind.PreVote: OnVoteRequest(message); break;
            case MessageKind.PreVoteResponse: OnVoteResponse(message); break;
            case MessageKind.Vote: OnVoteRequest(message); break;
            case MessageKind.VoteResponse: OnVoteResponse(message); break;
            case MessageKind.TimeoutNow: OnTimeoutNow(message); break;
            case MessageKind.TransferLeadership: OnTransferLeadership(message); break;
            case MessageKind.Propose: OnPropose(message); break;
            case MessageKind.ReadIndex: OnReadIndex(message); break;
            case MessageKind.ReadIndexResponse: OnReadIndexResponse(message); break;
            default: throw new UnreachableException($"No handler for {message.Kind}.");
        }
    }

    /// <summary>
    /// Thesis §3.3: whoever sees a later term moves to it; whoever speaks from an earlier one is out of date. Returns
    /// false if the message has thereby been dealt with.
    /// </summary>
    private bool ReconcileTerm(in Message message)
    {
        if (message.Term == 0)
        {
            return true; // Work passed on: says nothing about the sender's term.
        }

        if (message.Term > Term)
        {
            return ReconcileLaterTerm(message);
        }

        if (message.Term < Term)
        {
            AnswerFromThePast(message);
            return false;
        }

        return true;
    }

    private bool ReconcileLaterTerm(in Message message)
    {
        switch (message.Kind)
        {
            case MessageKind.PreVote or MessageKind.Vote when HearsLeader && !message.IsTransfer:
                // Thesis §4.2.3: while a leader is heard of, whoever campaigns is either cut off from it or no longer a
                // member. Neither may disrupt, so its term is not even looked at.
                Ignore(message, "a leader is heard of");
                return false;

            case MessageKind.PreVote:
            case MessageKind.PreVoteResponse when !message.IsRejected:
                return true; // The term is one that somebody might enter, not one that anybody has.

            default:
                var isFromLeader = message.Kind
                    is MessageKind.Append or MessageKind.Heartbeat or MessageKind.InstallSnapshot;
                BecomeFollower(message.Term, isFromLeader ? message.From : NodeId.None);
                return true;
        }
    }

    private void AnswerFromThePast(in Message message)
    {
        switch (message.Kind)
        {
            case MessageKind.Append or MessageKind.Heartbeat or MessageKind.InstallSnapshot:
                // A leader that was deposed without noticing. The answer's term makes it step down; without one, two
                // members could wait for ever: the one in the later term ignores the leader, and the leader's followers
                // ignore the one in the later term.
                SendOnceTermIsDurable(new Message
                {
                    Kind = MessageKind.AppendResponse,
                    To = message.From,
                    Term = Term,
                    Position = message.Position,
                    Hint = message.Position,
                    IsRejected = true,
                });
                break;

            case MessageKind.PreVote:
                // Likewise: the asker's term may be behind, and no vote would ever tell it.
                SendOnceTermIsDurable(new Message
                {
                    Kind = MessageKind.PreVoteResponse,
                    To = message.From,
                    Term = Term,
                    IsRejected = true,
                });
                break;

            default:
                Ignore(message, "from an earlier term");
                break;
        }
    }
}
