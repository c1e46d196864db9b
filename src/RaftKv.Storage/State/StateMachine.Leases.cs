using RaftKv.Raft;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Storage.State;

/// <summary>Leases as commands change them. Time does not pass in here: the leader proposes what its clock says.</summary>
public sealed partial class StateMachine
{
    private StateError ApplyLeaseGrant(in LeaseGrantCommand command, Caller caller)
    {
        if (Alarms.IsActive(AlarmKind.NoSpace))
        {
            return StateError.NoSpace;
        }

        var error = Auth.View.CheckCredential(caller);
        if (error == StateError.None)
        {
            error = Leases.Grant(command.Id, command.Ttl);
        }

        if (error == StateError.None)
        {
            _body.Number(2, command.Id);
            _body.Number(3, command.Ttl);
            _observer.LeaseGranted(command.Id, command.Ttl);
        }

        return error;
    }

    private StateError ApplyLeaseRevoke(in LeaseRevokeCommand command)
    {
        if (!command.IsExpired && Leases.TryGet(command.Id, out var existing) && Auth.View.IsEnabled)
        {
            foreach (var key in existing.Keys)
            {
                if (Auth.View.Check(command.Caller, Access.Write, key) is var refusal and not StateError.None)
                {
                    return refusal;
                }
            }
        }

        var error = Leases.Revoke(command.Id, out var lease);
        if (error != StateError.None)
        {
            return error;
        }

        Keys.BeginWrite();
        foreach (var key in lease!.Keys)
        {
            var wasThere = Keys.Delete(key, out _);
            Invariant.Holds(wasThere);
        }

        Keys.EndWrite();
        _observer.LeaseRevoked(command.Id);
        return StateError.None;
    }

    private StateError ApplyLeaseCheckpoint(in LeaseCheckpointCommand command)
    {
        foreach (var lease in command.Leases)
        {
            // One that is gone meanwhile is passed over.
            if (Leases.Checkpoint(lease.Id, lease.RemainingTtl) == StateError.None)
            {
                _observer.LeaseCheckpointed(lease.Id, lease.RemainingTtl);
            }
        }

        return StateError.None;
    }
}
