using RaftKv.Raft;
using RaftKv.Raft.Messages;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Server.Replica;

// States are compared at marks in the log, and one that is wrong is replaced by the leader's: see StateMending.
public sealed partial class Replica
{
    private void MarkIfDue()
    {
        if (_comparisonTicks == 0 || _raft.Role != Role.Leader || _raft.Config.Members.Length < 2)
        {
            _ticksSinceMark = 0;
            return;
        }

        _ticksSinceMark++;
        if (_ticksSinceMark >= _comparisonTicks)
        {
            _ticksSinceMark = 0;
            _payloads.Add(CommandEnvelope.Encode(0, Caller.Nobody, new StateMarkCommand()));
            _requestIds.Add(0);
        }
    }

    private void MendIfDue()
    {
        var wanted = _mending.WantedAlarm(_applier.Published.Alarms);
        _ticksSinceMending = wanted is null ? 0 : _ticksSinceMending + 1;

        // At once at first, and then now and again, for as long as it takes.
        if (_ticksSinceMending % MendingTicks != 1)
        {
            return;
        }

        if (_mending.IsOutOfService && _raft.Role == Role.Leader)
        {
            HandOver();
        }

        _payloads.Add(_mending.AlarmPayload(wanted!.Value));
        _requestIds.Add(PendingAnswers.NobodyWaits);
    }

    // To whoever is furthest: it takes over soonest.
    private void HandOver()
    {
        var successor = NodeId.None;
        var furthest = 0ul;
        foreach (var progress in _raft.Progress)
        {
            if (progress.Id != _raft.Self && _raft.Config.IsVoter(progress.Id) && progress.Match >= furthest)
            {
                (successor, furthest) = (progress.Id, progress.Match);
            }
        }

        if (!successor.IsNone)
        {
            _raft.TransferLeadership(successor);
        }
    }

    // One that the core needs for itself goes its usual way, and mends as well.
    private bool IsToMendWith(ArrivedState state) => _mending.IsOutOfService && state.Machine.Applied.Index <= _raft.Last.Index;

    // Whoever does not lead lets it be: the alarm is raised again.
    private void HelpOthers()
    {
        if (_raft.Role != Role.Leader || _mending.IsOutOfService)
        {
            _wanted.Clear();
            _sentTo.Clear();
            return;
        }

        foreach (var (member, index) in _wanted)
        {
            if (_sentTo.Contains(member) || !_raft.Config.IsMember(member))
            {
                _wanted.Remove(member);
            }
            else if (_log.Offered is { } state && state.Snapshot.Position.Index >= index)
            {
                _wanted.Remove(member);
                _sentTo.Add(member);
                Send(new Message
                {
                    Kind = MessageKind.InstallSnapshot,
                    From = _raft.Self,
                    To = member,
                    Term = _raft.Term,
                    Snapshot = state.Snapshot,
                });
            }
            else
            {
                _log.Want();
            }
        }
    }
}
