using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using RaftKv.Client;

namespace RaftKv.Extensions.Caching;

/// <summary>
/// Leases that entries share: all whose end, rounded up, is the same. The later the end, the coarser the rounding, by an
/// eighth of an entry's life at most, or some seconds; so there are a dozen or so leases for each order of lifetimes,
/// however many entries there are.
/// </summary>
/// <remarks>
/// A lease's id follows from the prefix and its end, so that all programs which share entries share their leases too,
/// without asking each other.
/// </remarks>
internal sealed class SharedLeases(RaftKvClient client, string prefix, TimeProvider time)
{
    private const long FinestSeconds = 8;
    private const int Fineness = 8;

    private readonly Lock _gate = new();
    private readonly Dictionary<(long Width, long End), Task<long>> _leases = [];

    /// <summary>The lease that an entry with this much life left is to be bound to. It may not have been granted yet.</summary>
    public long IdFor(TimeSpan life) => IdOf(PlaceOf(life));

    /// <summary>The lease for an entry with this much life left, granted if need be.</summary>
    /// <param name="life">What is left.</param>
    /// <param name="cancellation">Ends the waiting; others may wait for the same lease.</param>
    /// <param name="wasGone">The lease that was not there although it had been granted: somebody has revoked it.</param>
    public async ValueTask<long> GrantedAsync(TimeSpan life, CancellationToken cancellation, long wasGone = 0)
    {
        var place = PlaceOf(life);
        Task<long> granted;
        lock (_gate)
        {
            if (!_leases.TryGetValue(place, out granted!) || granted is { IsCompleted: true, IsCompletedSuccessfully: false } || IdOf(place) == wasGone)
            {
                Forget();
                _leases[place] = granted = GrantAsync(place);
            }
        }

        return await granted.WaitAsync(cancellation).ConfigureAwait(false);
    }

    private long Now => time.GetUtcNow().ToUnixTimeSeconds();

    private (long Width, long End) PlaceOf(TimeSpan life)
    {
        var seconds = (long)Math.Min(Math.Ceiling(life.TotalSeconds), int.MaxValue) + 1;
        var width = FinestSeconds;
        while (width * 2 * Fineness <= seconds)
        {
            width *= 2;
        }

        return (width, (Now + seconds + width - 1) / width * width);
    }

    private long IdOf((long Width, long End) place)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{prefix}\0{place.Width}\0{place.End}");
        var id = BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text))) & long.MaxValue;
        return Math.Max(id, 1);
    }

    // Not with one caller's token: others wait for it, too.
    private async Task<long> GrantAsync((long Width, long End) place)
    {
        var id = IdOf(place);
        try
        {
            await client.GrantLeaseAsync(TimeSpan.FromSeconds(Math.Max(place.End - Now, 1)), id).ConfigureAwait(false);
        }
        catch (LeaseExistsException)
        {
            // Another program was first.
        }
        catch (OutcomeUnknownException)
        {
            if (await client.GetLeaseAsync(id).ConfigureAwait(false) is null)
            {
                throw;
            }
        }

        return id;
    }

    private void Forget()
    {
        var now = Now;
        foreach (var place in _leases.Keys.Where(place => place.End <= now).ToArray())
        {
            _leases.Remove(place);
        }
    }
}
