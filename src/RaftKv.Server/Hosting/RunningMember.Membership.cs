using RaftKv.Server.Replica;
using RaftKv.Storage.State;

namespace RaftKv.Server.Hosting;

// Who belongs to the cluster: changes are the leader's, and every member follows them with its connections.
internal sealed partial class RunningMember
{
    public async ValueTask<(StateError Error, IReadOnlyList<Member> Members)> ChangeMembersAsync(
        MemberChange change, CancellationToken cancellation)
    {
        var since = _options.Time.GetTimestamp();
        while (true)
        {
            ThrowIfStopped();
            if (_standing.IsLeader)
            {
                return await ChangeMembersHereAsync(change, cancellation).ConfigureAwait(false);
            }

            if (Leader() is { } leader
                && await _leaderCalls!.ChangeMembersAsync(leader, change, cancellation).ConfigureAwait(false) is { } answer)
            {
                // The caller's next request to this member shall see the change.
                await WaitUntilCurrentAsync(cancellation).ConfigureAwait(false);
                return (answer, Members);
            }

            await WaitForNewsAsync(since, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Changes the membership on this member, which leads.</summary>
    public async ValueTask<(StateError Error, IReadOnlyList<Member> Members)> ChangeMembersHereAsync(
        MemberChange change, CancellationToken cancellation)
    {
        var since = _options.Time.GetTimestamp();
        while (true)
        {
            var (error, proposal, members) = await AskStateAsync(
                machine =>
                {
                    var problem = machine.Members.Check(change);
                    return problem != StateError.None
                        ? (problem, null, machine.Members.Members.ToArray())
                        : (problem, MembershipRules.Proposal(machine, change), machine.Members.Members.ToArray());
                },
                cancellation).ConfigureAwait(false);
            if (proposal is null)
            {
                return (error, members);
            }

            MembershipRules.CheckHealth(change, members, Self, id => _transport!.StatusOf(id)?.ConnectedFor);
            _inbox.Post(ReplicaInput.Change(proposal));
            try
            {
                return (
                    StateError.None,
                    await proposal.Done.WaitAsync(RequestTimeout, _options.Time, cancellation).ConfigureAwait(false));
            }
            catch (TimeoutException)
            {
                throw new RequestRefusedException(RequestRefusal.TimedOut);
            }
            catch (RequestRefusedException refused)
                when (refused.Reason == RequestRefusal.Unhealthy && _options.Time.GetElapsedTime(since) < RequestTimeout)
            {
                // Another change is under way. One after the other.
                await Task.Delay(LeaderPause, _options.Time, cancellation).ConfigureAwait(false);
            }
        }
    }

    private void MembersChanged()
    {
        if (_transport is null || _store is null)
        {
            return;
        }

        SyncPeers(_store.Machine.Members);
        if (_store.Machine.Members.IsRemoved(Self))
        {
            // Let the answer get away, and the others hear of it.
            _ = Task.Delay(TimeSpan.FromSeconds(1), _options.Time)
                .ContinueWith(_ => End(new MemberRemovedException()), TaskScheduler.Default);
        }
    }

    private void SyncPeers(MemberTable members)
    {
        foreach (var peer in _transport!.Statuses())
        {
            // One that is neither a member nor removed is a member that this one was told of when it joined, and has yet to
            // read of. To send it away as removed would end it.
            if (members.IsRemoved(peer.Id))
            {
                _transport.RemovePeer(peer.Id);
            }
        }

        foreach (var member in members.Members)
        {
            if (member.Id == Self)
            {
                continue;
            }

            var urls = PeerAddresses.Of(member);
            if (urls.Length == 0)
            {
                // Nothing that anybody could connect to. What was known before is worth trying still.
                Log.NoAddress(_log, member.Id.ToString());
            }
            else if (_transport.StatusOf(member.Id) is null)
            {
                _transport.AddPeer(member.Id, urls);
            }
            else
            {
                _transport.UpdatePeer(member.Id, urls);
            }
        }
    }
}
