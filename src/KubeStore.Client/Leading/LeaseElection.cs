using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore.Leading;

/// <summary>How long leading lasts, and how one stands for it.</summary>
public sealed record LeaseElectionOptions
{
    /// <summary>How long others wait for a leader that they do not hear of any more.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a leader goes on without having been able to say so. Shorter than <see cref="Duration"/>.</summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(2);

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The chance in pauses, between 0 and 1.</summary>
    public Func<double> Chance { get; init; } = Random.Shared.NextDouble;

    /// <summary>Told who leads, whenever that is seen to change.</summary>
    public Action<string>? Leader { get; init; }
}

/// <summary>
/// One of several instances leads: whoever a Lease object names. The others take it over when it has not changed for its
/// duration.
/// </summary>
/// <remarks>
/// Times in the object are those of others' clocks, and are not compared with ours: what counts is when we saw it change. A
/// leader whose process stood still may believe for a moment that it still leads; what must not be done twice is guarded
/// by resource versions.
/// </remarks>
/// <example><code>
/// var election = new LeaseElection(kube, "default", "my-controller", Environment.MachineName);
/// await election.LeadAsync(async stop => await controller.RunAsync(stop), cancellation);
/// </code></example>
public sealed class LeaseElection(IKubeClient client, string ns, string name, string identity, LeaseElectionOptions? options = null)
{
    private readonly LeaseElectionOptions _options = options ?? new();

    // The lease as it was last seen to change, and when that was, by our clock.
    private JsonObject? _seen;
    private long _seenAt;
    private string _leader = "";

    /// <summary>Waits to lead, leads, and returns when that has ended: because the work did, or the lease was lost, in which case
    /// the work is told to stop. A lease that is still ours is given back.</summary>
    /// <returns>Whether the work ended by itself. If not, one may stand again.</returns>
    public async Task<bool> LeadAsync(Func<CancellationToken, Task> work, CancellationToken cancellation = default)
    {
        while (!await TryTakeAsync(cancellation).ConfigureAwait(false))
        {
            await Task.Delay(_options.RetryPeriod * (1 + (1.2 * _options.Chance())), _options.Time, cancellation).ConfigureAwait(false);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var renewing = RenewAsync(stop.Token);
        var working = Task.Run(() => work(stop.Token), CancellationToken.None);
        await Task.WhenAny(renewing, working).ConfigureAwait(false);
        var endedByItself = working.IsCompleted && !cancellation.IsCancellationRequested;
        await stop.CancelAsync().ConfigureAwait(false);
        var isOurs = await renewing.ConfigureAwait(false);
        try
        {
            await working.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!endedByItself)
        {
            // As it was told.
        }
        finally
        {
            if (isOurs)
            {
                await ReleaseAsync().ConfigureAwait(false);
            }
        }

        cancellation.ThrowIfCancellationRequested();
        return endedByItself;
    }

    /// <summary>Renews until told to stop, which leaves the lease ours, or until the deadline has passed, which does not.</summary>
    private async Task<bool> RenewAsync(CancellationToken stop)
    {
        var renewed = _options.Time.GetTimestamp();
        while (true)
        {
            await Task.Delay(_options.RetryPeriod, _options.Time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested)
            {
                return true;
            }

            // It counts from before it was asked for, and an attempt that hangs must not carry us over the deadline.
            var asked = _options.Time.GetTimestamp();
            var left = _options.RenewDeadline - _options.Time.GetElapsedTime(renewed);
            using var deadline = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero, _options.Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, stop);
            try
            {
                if (await TryTakeAsync(either.Token).WaitAsync(either.Token).ConfigureAwait(false))
                {
                    renewed = asked;
                }
                else if (_leader != identity)
                {
                    return false;
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return true;
            }
            catch (OperationCanceledException)
            {
                return false;
            }

            if (_options.Time.GetElapsedTime(renewed) >= _options.RenewDeadline)
            {
                return false;
            }
        }
    }

    /// <summary>Takes or renews the lease if that can be done; false if it is somebody else's, or nobody answered.</summary>
    private async Task<bool> TryTakeAsync(CancellationToken cancellation)
    {
        try
        {
            JsonObject lease;
            try
            {
                lease = (await client.GetAsync(KubeResource.Leases, ns, name, cancellation).ConfigureAwait(false)).ToJson();
            }
            catch (StatusException missing) when (missing.Status.Code == 404)
            {
                var first = new JsonObject { ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = ns }, ["spec"] = Held(null) };
                Saw((await client.CreateAsync(KubeResource.Leases, ns, first, cancellation: cancellation).ConfigureAwait(false)).ToJson());
                return true;
            }

            Saw(lease);
            if (_leader.Length > 0 && _leader != identity && _options.Time.GetElapsedTime(_seenAt) < DurationOf(lease))
            {
                return false;
            }

            var next = (JsonObject)lease.DeepClone();
            next["spec"] = Held(lease.ObjectAt("spec"));
            Saw((await client.UpdateAsync(KubeResource.Leases, ns, next, cancellation: cancellation).ConfigureAwait(false)).ToJson());
            return true;
        }
        catch (Exception later) when (later is StatusException or KubeUnreachableException)
        {
            // Somebody was faster, or nobody is there: the next time will tell.
            return false;
        }
    }

    private async Task ReleaseAsync()
    {
        try
        {
            var free = (JsonObject)_seen!.DeepClone();
            free["spec"] = new JsonObject
            {
                ["holderIdentity"] = "",
                ["leaseDurationSeconds"] = 1,
                ["renewTime"] = Now(),
                ["acquireTime"] = Now(),
                ["leaseTransitions"] = free.IntegerAt("spec", "leaseTransitions") ?? 0,
            };
            await client.UpdateAsync(KubeResource.Leases, ns, free).ConfigureAwait(false);
        }
        catch (Exception later) when (later is StatusException or KubeUnreachableException)
        {
            // Then the others wait until it has run out.
        }
    }

    private JsonObject Held(JsonObject? before)
    {
        var isOurs = before.TextAt("holderIdentity") == identity;
        return new()
        {
            ["holderIdentity"] = identity,
            ["leaseDurationSeconds"] = (long)Math.Max(1, _options.Duration.TotalSeconds),
            ["acquireTime"] = isOurs ? before.TextAt("acquireTime") : Now(),
            ["renewTime"] = Now(),
            ["leaseTransitions"] = (before.IntegerAt("leaseTransitions") ?? 0) + (isOurs || before is null ? 0 : 1),
        };
    }

    private void Saw(JsonObject lease)
    {
        if (lease.TextAt("metadata", "resourceVersion") != _seen.TextAt("metadata", "resourceVersion"))
        {
            _seen = lease;
            _seenAt = _options.Time.GetTimestamp();
        }

        var leader = lease.TextAt("spec", "holderIdentity");
        if (leader != _leader)
        {
            _leader = leader;
            _options.Leader?.Invoke(leader);
        }
    }

    private TimeSpan DurationOf(JsonObject lease)
        => lease.IntegerAt("spec", "leaseDurationSeconds") is { } seconds ? TimeSpan.FromSeconds(seconds) : _options.Duration;

    private string Now() => KubeTime.Micro(_options.Time.GetUtcNow());
}
