using System.Security.Cryptography;
using RaftKv.Client.Calls;
using Wire = RaftKv.Protocol.Etcd;

namespace RaftKv.Client;

public sealed partial class RaftKvClient
{
    /// <summary>Makes a lease, which ends after a time unless it is kept alive; keys that are bound to it end with it.</summary>
    /// <remarks>
    /// Times are whole seconds, rounded up, and the cluster may raise them: the result says to what. If the id is 0, the client
    /// draws one, and may then ask again without making a second lease.
    /// </remarks>
    /// <exception cref="LeaseExistsException">The id is taken.</exception>
    /// <exception cref="OutcomeUnknownException">It may have been made.</exception>
    public async ValueTask<LeaseGranted> GrantLeaseAsync(
        TimeSpan timeToLive, long id = 0, CallOptions? options = null, CancellationToken cancellation = default)
    {
        var request = new Wire.LeaseGrantRequest { TTL = (long)Math.Ceiling(timeToLive.TotalSeconds), ID = id };
        if (id != 0)
        {
            return Granted(await CallAsync(Methods.LeaseGrantOfId, request, options, cancellation).ConfigureAwait(false));
        }

        request.ID = RandomNumberGenerator.GetInt32(int.MaxValue) + 1L | (long)RandomNumberGenerator.GetInt32(int.MaxValue) << 32;
        var response = await CallAsync(Methods.LeaseGrant, request, options, cancellation).ConfigureAwait(false);
        if (response.ID != 0)
        {
            return Granted(response);
        }

        // It was made by an attempt whose answer is lost, and with it how long it lives.
        var left = new Wire.LeaseTimeToLiveRequest { ID = request.ID };
        var made = await CallAsync(Methods.LeaseTimeToLive, left, options, cancellation).ConfigureAwait(false);
        return new(AnswerHeader.Of(made.Header), request.ID, TimeSpan.FromSeconds(made.GrantedTTL > 0 ? made.GrantedTTL : request.TTL));
    }

    private static LeaseGranted Granted(Wire.LeaseGrantResponse response)
        => new(AnswerHeader.Of(response.Header), response.ID, TimeSpan.FromSeconds(response.TTL));

    /// <summary>Ends a lease, and the keys that are bound to it.</summary>
    /// <exception cref="LeaseNotFoundException">There is none.</exception>
    public async ValueTask RevokeLeaseAsync(long id, CallOptions? options = null, CancellationToken cancellation = default)
        => await CallAsync(Methods.LeaseRevoke, new Wire.LeaseRevokeRequest { ID = id }, options, cancellation).ConfigureAwait(false);

    /// <summary>What is left of a lease. Null: there is none.</summary>
    public async ValueTask<LeaseInfo?> GetLeaseAsync(
        long id, bool wantsKeys = false, CallOptions? options = null, CancellationToken cancellation = default)
    {
        var request = new Wire.LeaseTimeToLiveRequest { ID = id, Keys = wantsKeys };
        var response = await CallAsync(Methods.LeaseTimeToLive, request, options, cancellation).ConfigureAwait(false);
        return response is { TTL: < 0, GrantedTTL: 0 }
            ? null
            : new(
                id,
                TimeSpan.FromSeconds(Math.Max(response.TTL, 0)),
                TimeSpan.FromSeconds(response.GrantedTTL),
                [.. response.Keys.Select(key => key.Memory)]);
    }

    /// <summary>The ids of all leases.</summary>
    public async ValueTask<IReadOnlyList<long>> ListLeasesAsync(CallOptions? options = null, CancellationToken cancellation = default)
    {
        var response = await CallAsync(Methods.LeaseLeases, new Wire.LeaseLeasesRequest(), options, cancellation).ConfigureAwait(false);
        return [.. response.Leases.Select(lease => lease.ID)];
    }

    /// <summary>Lets a lease begin anew, once.</summary>
    /// <returns>How long it lives now.</returns>
    /// <exception cref="LeaseNotFoundException">There is none any more.</exception>
    public async ValueTask<TimeSpan> KeepLeaseAliveOnceAsync(long id, CallOptions? options = null, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        return await _caller.RenewLeaseAsync(id, options?.Timeout, cancellation).ConfigureAwait(false);
    }
}
