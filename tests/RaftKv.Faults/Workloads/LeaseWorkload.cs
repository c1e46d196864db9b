using System.Collections.Concurrent;
using System.Globalization;
using RaftKv.Client;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Workloads;

/// <summary>Each client has a lease with a key, keeps it alive now and then, looks at both, and lets it end or revokes it.</summary>
internal sealed class LeaseWorkload : Workload
{
    private readonly ConcurrentDictionary<int, Held> _leases = new();

    public override string Name => "lease";

    public override string Story => "leases with a key each are kept alive, revoked, or left to end";

    public override IReadOnlyList<IChecker> Checkers { get; } = [new LeaseTimes(), new RevisionOrder()];

    public override async Task StepAsync(ClientSession session, CancellationToken stop)
    {
        if (!_leases.TryGetValue(session.Process, out var held))
        {
            await GrantAsync(session);
            return;
        }

        switch (session.Chance.Next(12))
        {
            case < 2 when !held.IsLeft:
                held.IsGone |= await KeepAsync(session, held);
                break;
            case < 3 when !held.IsLeft:
                // From here on it is left to itself, and only looked at.
                held.IsLeft = true;
                break;
            case 3 when session.Chance.Next(5) == 0:
                await session.WriteAsync(Asked(session, LeaseTimes.Revoke, held), async operation =>
                {
                    try
                    {
                        await session.Client.RevokeLeaseAsync(held.Id);
                    }
                    catch (LeaseNotFoundException)
                    {
                        // It was faster, or an attempt whose answer was lost.
                    }

                    return operation;
                });
                held.IsLeft = true;
                break;
            case < 8:
                held.IsGone |= await LookAsync(session, held);
                break;
            default:
                held.IsGone |= await LookAtKeyAsync(session, held);
                break;
        }

        if (held.IsGone && session.Chance.Next(4) == 0)
        {
            _leases.TryRemove(session.Process, out _);
        }
    }

    public override async Task FinishAsync(ClientSession session)
    {
        if (_leases.TryGetValue(session.Process, out var held))
        {
            for (var i = 0; i < 40 && !held.IsGone; i++)
            {
                held.IsGone |= await LookAtKeyAsync(session, held);
                held.IsGone |= await LookAsync(session, held);
                await Task.Delay(500);
            }
        }
    }

    private async Task GrantAsync(ClientSession session)
    {
        var id = (session.Chance.NextInt64(1L << 40) << 8) + session.Process + 1;
        var asked = session.Asked(LeaseTimes.Grant) with { Lease = id, TimeToLive = session.Chance.Next(2, 6) };
        var granted = await session.WriteAsync(asked, async operation =>
        {
            var lease = await session.Client.GrantLeaseAsync(TimeSpan.FromSeconds(operation.TimeToLive!.Value), id);
            return operation with { TimeToLive = (long)lease.TimeToLive.TotalSeconds };
        });
        if (!granted.IsOk)
        {
            return;
        }

        var key = string.Create(CultureInfo.InvariantCulture, $"leased/{id:x}");
        var attached = await session.WriteAsync(session.Asked("attach", key) with { Lease = id }, async operation =>
        {
            var put = await session.Client.PutAsync(key, "here", new PutOptions { Lease = id });
            return operation with { Revision = put.Revision, Wrote = true };
        });
        if (attached.IsOk)
        {
            _leases[session.Process] = new Held(id, key);
        }
    }

    private static Invocation Asked(ClientSession session, string call, Held held) => session.Asked(call, held.Key) with { Lease = held.Id };

    /// <returns>Whether it is gone.</returns>
    private static async Task<bool> KeepAsync(ClientSession session, Held held)
    {
        var kept = await session.WriteAsync(Asked(session, LeaseTimes.Keep, held), async operation =>
        {
            try
            {
                return operation with { TimeToLive = (long)(await session.Client.KeepLeaseAliveOnceAsync(held.Id)).TotalSeconds };
            }
            catch (LeaseNotFoundException)
            {
                return operation;
            }
        });
        return kept is { IsOk: true, TimeToLive: null };
    }

    private static async Task<bool> LookAsync(ClientSession session, Held held)
    {
        var look = await session.ReadAsync(Asked(session, LeaseTimes.Look, held), async operation =>
        {
            var lease = await session.Client.GetLeaseAsync(held.Id);
            return operation with { TimeToLive = lease is null ? null : (long)lease.TimeToLive.TotalSeconds };
        });
        return look is { IsOk: true, TimeToLive: null };
    }

    private static async Task<bool> LookAtKeyAsync(ClientSession session, Held held)
    {
        var look = await session.ReadAsync(Asked(session, LeaseTimes.LookAtKey, held), async operation =>
        {
            var range = await session.Client.RangeAsync(held.Key);
            return operation with { Found = StateOf(range.KeyValues.Count > 0 ? range.KeyValues[0] : null), Revision = range.Header.Revision };
        });
        return look is { IsOk: true, Found.Exists: false };
    }

    private sealed class Held(long id, string key)
    {
        public long Id { get; } = id;

        public string Key { get; } = key;

        public bool IsLeft { get; set; }

        public bool IsGone { get; set; }
    }
}
