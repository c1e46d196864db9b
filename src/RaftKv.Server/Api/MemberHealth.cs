using Microsoft.AspNetCore.Builder;
using RaftKv.Rpc.Health;
using RaftKv.Rpc.Server;
using RaftKv.Server.Metrics;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Server.Api;

/// <summary>
/// How a member is, for those who decide whether it gets traffic, or is started again: as grpc.health.v1, and as the
/// paths of <see cref="HealthEndpoints"/>.
/// </summary>
/// <remarks>
/// <para>Over gRPC the server as a whole serves as long as it runs, as etcd's does. Services that cannot do without a
/// leader or without trust in the data have names of their own, and serve while there are both. That there is no space
/// left is no reason: taking the traffic away would also take away the deletes that make room, and the alarm is the whole
/// cluster's.</para>
/// <para>Nobody is asked who they are: whoever probes has no credentials.</para>
/// </remarks>
/// <example><code>
/// api.AddTo(options);
/// using var health = new MemberHealth(member, apiOptions, TimeProvider.System);
/// health.AddTo(options); // after the services it speaks of
/// </code></example>
public sealed class MemberHealth : IDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(0.5);
    private static readonly byte[] NoEnd = [0];

    // These do their work, or the best part of it, without a leader; operators need them most when nothing else works.
    private static readonly HashSet<string> Undemanding = new(StringComparer.Ordinal)
    {
        "etcdserverpb.Maintenance", "etcdserverpb.Cluster",
    };

    private readonly IMember _member;
    private readonly ApiOptions _options;
    private readonly TimeProvider _time;
    private readonly HealthService _health = new();
    private IReadOnlyList<string> _demanding = [];
    private readonly HealthInstruments _counts;
    private ITimer? _timer;

    /// <param name="member">Must be running as long as this is used.</param>
    /// <param name="options">Which versions it speaks of.</param>
    /// <param name="time">By which it looks again and again.</param>
    public MemberHealth(IMember member, ApiOptions options, TimeProvider time)
        : this(member, options, time, new HealthInstruments())
    {
    }

    internal MemberHealth(IMember member, ApiOptions options, TimeProvider time, HealthInstruments counts)
    {
        _counts = counts;
        _member = member;
        _options = options;
        _time = time;
    }

    /// <summary>Adds grpc.health.v1, which knows the services that are on the server already, and the paths.</summary>
    public void AddTo(RpcHostOptions server)
    {
        var names = server.Services.Select(service => service.Descriptor.FullName).ToArray();
        foreach (var name in names.Where(Undemanding.Contains))
        {
            _health.Set(name, isServing: true);
        }

        _demanding = [.. names.Where(name => !Undemanding.Contains(name))];
        Look();
        _timer = _time.CreateTimer(static self => ((MemberHealth)self!).Look(), this, LookInterval, LookInterval);
        server.Services.Add(_health.Service);
        var others = server.Http;
        server.Http = app =>
        {
            Map(app);
            others?.Invoke(app);
        };
    }

    /// <summary>The paths alone, for another port.</summary>
    internal void Map(IApplicationBuilder app) => HealthEndpoints.Map(app, this, _options, _counts);

    public void Dispose() => _timer?.Dispose();

    /// <summary>Why the member should get no traffic, in etcd's words; null if there is no reason.</summary>
    /// <param name="excludedAlarms">Alarms that do not count, by name.</param>
    /// <param name="isLocal">Whether it only matters what the member can do by itself.</param>
    /// <param name="cancellation">Ends the waiting for others.</param>
    internal async ValueTask<string?> ReasonAsync(IReadOnlySet<string> excludedAlarms, bool isLocal, CancellationToken cancellation)
    {
        foreach (var alarm in _member.Alarms)
        {
            var name = alarm.Kind switch
            {
                AlarmKind.NoSpace => "NOSPACE",
                AlarmKind.Corrupt => "CORRUPT",
                _ => "UNKNOWN",
            };
            if (!excludedAlarms.Contains(name))
            {
                return $"ALARM {name}";
            }
        }

        if (_member.IsOutOfService && !excludedAlarms.Contains("CORRUPT"))
        {
            // Before its alarm stands.
            return "ALARM CORRUPT";
        }

        if (!isLocal && _member.Status.Leader.IsNone)
        {
            return "RAFT NO LEADER";
        }

        var trouble = isLocal
            ? await LocalReadAsync(cancellation).ConfigureAwait(false)
            : await QuorumReadAsync(cancellation).ConfigureAwait(false);
        return trouble is null ? null : $"RANGE ERROR:{trouble}";
    }

    /// <summary>Whether this member can read what it has.</summary>
    /// <returns>What is wrong, or null.</returns>
    internal ValueTask<string?> LocalReadAsync(CancellationToken cancellation)
    {
        _ = cancellation;
        try
        {
            Read();
            return new((string?)null);
        }
        catch (Exception trouble)
        {
            return new(TextOf(trouble));
        }
    }

    /// <summary>Whether it can read what the cluster has agreed upon by now.</summary>
    /// <returns>What is wrong, or null.</returns>
    internal async ValueTask<string?> QuorumReadAsync(CancellationToken cancellation)
    {
        try
        {
            await _member.WaitUntilCurrentAsync(cancellation).ConfigureAwait(false);
            Read();
            return null;
        }
        catch (Exception trouble) when (trouble is not OperationCanceledException)
        {
            return TextOf(trouble);
        }
    }

    /// <summary>Whether members agree about the data.</summary>
    /// <returns>What is wrong, or null.</returns>
    internal ValueTask<string?> NoCorruptionAsync(CancellationToken cancellation)
    {
        _ = cancellation;
        return new(IsCorrupt ? "alarm activated: CORRUPT" : null);
    }

    /// <summary>Whether it may answer clients at all.</summary>
    /// <returns>What is wrong, or null.</returns>
    internal ValueTask<string?> NoLearnerAsync(CancellationToken cancellation)
    {
        _ = cancellation;
        return new(_member.Status.IsLearner ? "not supported for learner" : null);
    }

    /// <summary>Whether there is anything to be asked about certificates.</summary>
    internal bool HasCertificates => _member.Certificates.Count > 0;

    /// <summary>Whether its certificates are good, so that connections can be made.</summary>
    /// <returns>What is wrong, or null.</returns>
    internal ValueTask<string?> CertificatesAsync(CancellationToken cancellation)
    {
        _ = cancellation;
        var now = _time.GetUtcNow();
        return new(_member.Certificates.FirstOrDefault(one => one.NotAfter <= now) is { } expired
            ? $"{expired.Use}: the certificate '{expired.Subject}' in {expired.File} expired on {expired.NotAfter.UtcDateTime:u}"
            : null);
    }

    private bool IsCorrupt => _member.IsOutOfService || _member.Alarms.Any(alarm => alarm.Kind == AlarmKind.Corrupt);

    private static string TextOf(Exception trouble) => ApiErrors.OfException(trouble)?.Detail ?? trouble.Message;

    private void Look()
    {
        var isServing = !_member.Status.Leader.IsNone && !IsCorrupt;
        foreach (var name in _demanding)
        {
            _health.Set(name, isServing);
        }
    }

    // One key, whichever it is.
    private void Read()
    {
        var query = new RangeQuery { Key = NoEnd, RangeEnd = NoEnd, Limit = 1, IsKeysOnly = true };
        using var view = _member.OpenView();
        RangeRead.Run(query, view, new WireWriter());
    }
}
