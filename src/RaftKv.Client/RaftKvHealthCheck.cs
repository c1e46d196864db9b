using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace RaftKv.Client;

/// <summary>The cluster that a client reaches, for those who decide whether an application gets traffic.</summary>
public static class RaftKvHealthCheckExtensions
{
    /// <summary>
    /// Adds a check that is healthy while a quorum answers this application's client; degraded if the member that answered
    /// says that an operator must look at it.
    /// </summary>
    /// <param name="checks">The application's checks.</param>
    /// <param name="name">Of the check.</param>
    /// <param name="client">The name of the client (<c>AddRaftKvClient("jobs", ...)</c>); null for the one without.</param>
    /// <param name="failureStatus">What the check reports when it fails; unhealthy if null.</param>
    /// <param name="tags">Of the check.</param>
    /// <param name="timeout">For how long it may take; as long as a call of the client if null.</param>
    /// <example><code>
    /// builder.Services.AddHealthChecks().AddRaftKv(tags: ["ready"]);
    /// app.MapHealthChecks("/readyz");
    /// </code></example>
    public static IHealthChecksBuilder AddRaftKv(
        this IHealthChecksBuilder checks,
        string name = "raftkv",
        string? client = null,
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null,
        TimeSpan? timeout = null)
    {
        ArgumentNullException.ThrowIfNull(checks);
        return checks.Add(new HealthCheckRegistration(
            name,
            provider => new RaftKvHealthCheck(
                client is null ? provider.GetRequiredService<RaftKvClient>() : provider.GetRequiredKeyedService<RaftKvClient>(client)),
            failureStatus,
            tags,
            timeout));
    }
}

internal sealed class RaftKvHealthCheck(RaftKvClient client) : IHealthCheck
{
    // Nobody needs to have written it: that there is no such key is an answer of a quorum.
    private const string Key = "health";

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await AskQuorumAsync(cancellationToken).ConfigureAwait(false);
            var status = await client.Maintenance.GetStatusAsync(cancellation: cancellationToken).ConfigureAwait(false);
            var data = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                ["member"] = Id(status.Header.MemberId),
                ["leader"] = Id(status.Leader),
                ["lag"] = status.CommitIndex - Math.Min(status.AppliedIndex, status.CommitIndex),
                ["alarms"] = string.Join(", ", status.Errors),
                ["bytes"] = status.DatabaseBytes,
            };
            return status.Errors.Count > 0
                ? HealthCheckResult.Degraded(string.Join(", ", status.Errors), data: data)
                : HealthCheckResult.Healthy(data: data);
        }
        catch (RaftKvException problem)
        {
            return new(context.Registration.FailureStatus, problem.Message, problem);
        }
    }

    // Who may not read that key was told so by a quorum.
    private async ValueTask AskQuorumAsync(CancellationToken cancellation)
    {
        try
        {
            await client.GetAsync(Key, cancellation: cancellation).ConfigureAwait(false);
        }
        catch (PermissionDeniedException)
        {
            return;
        }
    }

    private static string Id(ulong value) => value.ToString("x", CultureInfo.InvariantCulture);
}
