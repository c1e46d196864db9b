using RaftKv.Raft.Messages;
using RaftKv.Raft.Replication;

namespace RaftKv.Raft;

// Snapshots: thesis §5. The core decides who needs one and what it replaces; the state itself never passes through it.
public sealed partial class RaftNode
{
    /// <summary>How the transmission of a snapshot to this member went.</summary>
    public void ReportSnapshot(NodeId member, bool isDelivered)
    {
        CheckInvariants();
        if (_progress.Find(member) is { State: ProgressState.Snapshot } progress)
        {
            // Either way wait for a sign of life before probing: delivered, its acknowledgement is about to come; not
            // delivered, trying at once would only fail again.
            if (isDelivered)
            {
                progress.SnapshotSent();
            }
            else
            {
                progress.SnapshotFailed();
            }

            NoteProgress(progress, ProgressState.Snapshot);
        }

        CheckInvariants();
    }

    private bool TrySendSnapshot(FollowerProgress member)
    {
        // A snapshot is dear: not to somebody who does not even answer.
        if (!member.IsActive || _log.LatestSnapshot() is not { } snapshot)
        {
            return false;
        }

        Invariant.Holds(snapshot.Position.Index + 1 >= _log.FirstIndex);
        Invariant.Holds(snapshot.Position.Index <= _log.Committed);
        var before = member.State;
        member.BecomeSnapshot(snapshot.Position.Index);
        NoteProgress(member, before);
        Send(new Message
        {
            Kind = MessageKind.InstallSnapshot,
            To = member.Id,
            Term = Term,
            Snapshot = snapshot,
        });
        return true;
    }

    private void OnInstallSnapshot(in Message message)
    {
        FollowLeader(message);
        var snapshot = message.Snapshot;
        Invariant.Holds(snapshot is not null);

        if (snapshot.Position.Index <= _log.Committed)
        {
            Ignore(message, "the log already reaches further");
            Acknowledge(message.From, _log.Committed);
            return;
        }

        if (_log.Holds(snapshot.Position))
        {
            // The log agrees with the leader's there, so everything before is known to be committed; the entries are
            // cheaper to apply than a new state is to install, and those after them may be needed.
            Ignore(message, "the log agrees with it");
            CommitTo(snapshot.Position.Index);
            Acknowledge(message.From, _log.Committed);
            return;
        }

        _log.Install(snapshot);
        _configs.Reset(snapshot.Position.Index, snapshot.Config);
        _observer?.On(new SnapshotAccepted(snapshot.Position));
        ConfigIsInForce();
        Acknowledge(message.From, snapshot.Position.Index);
    }
}
