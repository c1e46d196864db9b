using System.Collections.Concurrent;

namespace RaftKv.Server.Metrics;

/// <summary>What probes were told.</summary>
internal sealed class HealthInstruments
{
    private readonly ConcurrentDictionary<(string Type, string Name), Check> _checks = new();

    public Counter Successes { get; } = new();

    public Counter Failures { get; } = new();

    /// <summary>Says that there is a check, so that it counts from zero.</summary>
    public void Register(string type, string name) => _checks.TryAdd((type, name), new Check());

    public void Checked(string type, string name, bool isWell)
    {
        var check = _checks.GetOrAdd((type, name), _ => new Check());
        check.IsWell = isWell;
        (isWell ? check.Successes : check.Failures).Add();
    }

    public void WriteTo(MetricsText page)
    {
        page.Counter("etcd_server_health_success", "Answers of /health that all is well.", Successes.Value);
        page.Counter("etcd_server_health_failures", "Answers of /health that something is wrong.", Failures.Value);
        var checks = _checks.OrderBy(check => check.Key.Type, StringComparer.Ordinal).ThenBy(check => check.Key.Name, StringComparer.Ordinal).ToArray();
        page.Begin("etcd_server_healthcheck", "gauge", "What a check of /livez or /readyz came to last: 1 for well.");
        foreach (var (key, check) in checks)
        {
            page.Sample(check.IsWell ? 1 : 0, ("type", key.Type), ("name", key.Name));
        }

        page.Begin("etcd_server_healthchecks_total", "counter", "Checks of /livez and /readyz, by what they came to.");
        foreach (var (key, check) in checks)
        {
            page.Sample(check.Successes.Value, ("type", key.Type), ("name", key.Name), ("status", "success"));
            page.Sample(check.Failures.Value, ("type", key.Type), ("name", key.Name), ("status", "error"));
        }
    }

    private sealed class Check
    {
        public volatile bool IsWell;

        public Counter Successes { get; } = new();

        public Counter Failures { get; } = new();
    }
}
