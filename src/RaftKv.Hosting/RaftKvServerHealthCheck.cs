using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;

namespace RaftKv.Hosting;

/// <summary>The member of this application, for those who decide whether it gets traffic.</summary>
public static class RaftKvServerHealthCheckExtensions
{
    /// <summary>
    /// Adds a check that is healthy while the member runs, has a vote, knows a leader, reads what its cluster has agreed upon,
    /// and trusts its data. That there is no space left only degrades it: without traffic, the deletes that make room would
    /// not come either.
    /// </summary>
    /// <example><code>
    /// builder.Services.AddHealthChecks().AddRaftKvServer(tags: ["ready"]);
    /// app.MapHealthChecks("/readyz");
    /// </code></example>
    public static IHealthChecksBuilder AddRaftKvServer(
        this IHealthChecksBuilder checks,
        string name = "raftkv-server",
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null,
        TimeSpan? timeout = null)
    {
        ArgumentNullException.ThrowIfNull(checks);
        return checks.Add(new HealthCheckRegistration(
            name, provider => new RaftKvServerHealthCheck(provider.GetRequiredService<RaftKvServer>()), failureStatus, tags, timeout));
    }
}

internal sealed class RaftKvServerHealthCheck(RaftKvServer server) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var failure = context.Registration.FailureStatus;
        if (!server.IsStarted)
        {
            return new(failure, "The member does not run yet.");
        }

        var node = server.Node;
        if (node.Ended.IsCompleted)
        {
            return new(failure, $"The member has ended. {node.Ended.Exception?.InnerException?.Message}".TrimEnd());
        }

        var problem = await ProblemAsync(node.Member, cancellationToken).ConfigureAwait(false);
        var status = node.Member.Status;
        var alarms = node.Member.Alarms.Select(alarm => alarm.Kind).Distinct().ToArray();
        var data = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["member"] = Id(node.Member.Self.Value),
            ["leader"] = Id(status.Leader.Value),
            ["term"] = status.Term,
            ["lag"] = status.CommitIndex - Math.Min(status.AppliedIndex, status.CommitIndex),
            ["alarms"] = string.Join(',', alarms),
            ["bytes"] = node.Member.Space.Taken,
        };
        return problem is not null ? new(failure, problem, data: data)
            : alarms.Contains(AlarmKind.NoSpace) ? HealthCheckResult.Degraded("There is no space left: writes are refused.", data: data)
            : HealthCheckResult.Healthy(data: data);
    }

    private static async ValueTask<string?> ProblemAsync(IMember member, CancellationToken cancellation)
    {
        if (member.Alarms.Any(alarm => alarm.Kind == AlarmKind.Corrupt))
        {
            return "The members do not agree about the data.";
        }

        if (member.Status.Leader.IsNone)
        {
            return "The member knows no leader.";
        }

        if (member.Status.IsLearner)
        {
            return "The member has no vote yet, and serves no clients.";
        }

        try
        {
            await member.WaitUntilCurrentAsync(cancellation).ConfigureAwait(false);
            return null;
        }
        catch (RequestRefusedException refused)
        {
            return $"The member cannot read what its cluster has agreed upon: {refused.Reason}.";
        }
    }

    private static string Id(ulong value) => value.ToString("x", CultureInfo.InvariantCulture);
}
