using RaftKv.Server.Replica;
using RaftKv.Storage.Leases;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Server.Hosting;

// Leases: their clock is the leader's, wherever that is.
internal sealed partial class RunningMember
{
    // How long the renewal of a lease that is not known here waits for its grant to be applied.
    private static readonly TimeSpan ApplyPatience = TimeSpan.FromSeconds(1);

    public async ValueTask<long> RenewLeaseAsync(long id, CancellationToken cancellation)
    {
        var since = _options.Time.GetTimestamp();
        var isCurrent = false;
        while (true)
        {
            ThrowIfOutOfUse();
            var now = _options.Time.GetTimestamp();
            var outcome = _leases.Renew(id, out var ttl);
            switch (outcome)
            {
                case LeaseRenewal.Renewed when await HasLedAsync(now, cancellation).ConfigureAwait(false):
                    Instruments.LeasesRenewed.Add();
                    return ttl;
                case LeaseRenewal.RenewedPastCheckpoint:
                    var requestId = NextRequestId();
                    var command = new LeaseCheckpointCommand([new LeaseRemaining(id, 0)]);
                    await ProposeAsync(CommandEnvelope.Encode(requestId, Caller.Nobody, command), requestId, cancellation)
                        .ConfigureAwait(false);
                    continue;
                case LeaseRenewal.Unknown when isCurrent:
                    return 0;
                case LeaseRenewal.Unknown when await HasLedAsync(now, cancellation).ConfigureAwait(false):
                    // Another member may have applied its grant before this one, and told the client.
                    await WaitForGrantsAsync(cancellation).ConfigureAwait(false);
                    isCurrent = true;
                    continue;
                case LeaseRenewal.NotLeading when !_standing.IsLeader && Leader() is { } leader:
                    if (await _leaderCalls!.RenewLeaseAsync(leader, id, cancellation).ConfigureAwait(false) is { } told)
                    {
                        return told;
                    }

                    break;
            }

            await WaitForNewsAsync(since, cancellation).ConfigureAwait(false);
        }
    }

    // Asks a quorum, if none has said so lately.
    private async ValueTask<bool> HasLedAsync(long time, CancellationToken cancellation)
    {
        if (_leases.HasLed(time, _standing.Term))
        {
            return true;
        }

        var asked = _options.Time.GetTimestamp();
        var quorum = _reads.ConfirmAsync();
        _inbox.Post(ReplicaInput.Read);
        await quorum.WaitAsync(cancellation).ConfigureAwait(false);
        if (!_standing.IsLeader)
        {
            return false;
        }

        _leases.Led(asked);
        return true;
    }

    private async ValueTask WaitForGrantsAsync(CancellationToken cancellation)
    {
        var turn = _reads.WaitAsync();
        _inbox.Post(ReplicaInput.Read);
        try
        {
            await turn.WaitAsync(ApplyPatience, _options.Time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new RequestRefusedException(RequestRefusal.AppliedTooLate);
        }
    }

    /// <summary>Renews on this member's clock.</summary>
    /// <returns>Null if it does not lead.</returns>
    public async ValueTask<long?> RenewHereAsync(long id, CancellationToken cancellation)
        => _leases.IsLeading ? await RenewLeaseAsync(id, cancellation).ConfigureAwait(false) : null;

    public async ValueTask<LeaseTime?> GetLeaseTimeAsync(long id, bool wantsKeys, CancellationToken cancellation)
    {
        var since = _options.Time.GetTimestamp();
        while (true)
        {
            ThrowIfOutOfUse();
            if (_leases.IsLeading)
            {
                await WaitUntilCurrentAsync(cancellation).ConfigureAwait(false);
                return await AskStateAsync(machine => Describe(machine, id, wantsKeys), cancellation).ConfigureAwait(false);
            }

            if (!_standing.IsLeader && Leader() is { } leader)
            {
                var (isAnswered, time) = await _leaderCalls!.GetLeaseTimeAsync(leader, id, wantsKeys, cancellation).ConfigureAwait(false);
                if (isAnswered)
                {
                    return time;
                }
            }

            await WaitForNewsAsync(since, cancellation).ConfigureAwait(false);
        }
    }

    public bool IsLeasing => _leases.IsLeading;

    public async ValueTask<IReadOnlyList<long>> GetLeasesAsync(CancellationToken cancellation)
        => _leases.IsLeading
            ? _leases.IdsByExpiry()
            : await AskStateAsync(machine => machine.Leases.Sorted().Select(lease => lease.Id).ToArray(), cancellation)
                .ConfigureAwait(false);

    private LeaseTime? Describe(StateMachine machine, long id, bool wantsKeys)
    {
        if (!machine.Leases.TryGet(id, out var lease))
        {
            return null;
        }

        _leases.TryGetRemaining(id, out var remainingMs);
        return new LeaseTime(
            remainingMs / 1000,
            lease.Ttl,
            wantsKeys ? [.. lease.Keys.ToArray().Select(key => (ReadOnlyMemory<byte>)key)] : []);
    }
}
