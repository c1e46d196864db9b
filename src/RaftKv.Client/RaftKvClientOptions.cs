using Microsoft.Extensions.Logging;
using RaftKv.Rpc.Client;

namespace RaftKv.Client;

/// <summary>What a client needs to know of its cluster, and of the program it is in.</summary>
/// <example><code>
/// new RaftKvClientOptions { Endpoints = [new("http://10.0.0.1:2379"), new("http://10.0.0.2:2379")] }
/// </code></example>
public sealed record RaftKvClientOptions
{
    /// <summary>Where members listen for clients: http://host:port or https://host:port. Best all of them.</summary>
    public IReadOnlyList<Uri> Endpoints { get; init; } = [];

    /// <summary>
    /// Ask the cluster for its members and use them too, at the client URLs that they advertise: for clusters whose members
    /// change, and advertise what leads to them from here.
    /// </summary>
    public bool FollowsMembers { get; init; }

    /// <summary>How often the cluster is asked for its members, if it is; ten times as often while one is no good.</summary>
    public TimeSpan MemberLookInterval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a call may take, repetitions included, where it does not say so itself.</summary>
    /// <remarks>A member gives up a write after 7 s by default. With less patience than that, more outcomes are unknown.</remarks>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The members' election timeout. A member that does not answer for as long, or knows no leader, is left.</summary>
    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a connection may take to come up.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// A watch stream that has been silent for as long is asked for a sign of life, and replaced if there is none within
    /// as long again.
    /// </summary>
    public TimeSpan WatchSilence { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The pauses between repetitions, when all members were tried.</summary>
    public RpcBackOff RetryPause { get; init; } = new(TimeSpan.FromMilliseconds(25), TimeSpan.FromSeconds(1));

    /// <summary>Let members that can do so (RaftKv's) recognise a repeated write, so that it may be repeated.</summary>
    public bool RepeatsWrites { get; init; } = true;

    /// <summary>The largest answer taken.</summary>
    public int MaxReceiveMessageBytes { get; init; } = int.MaxValue;

    /// <summary>Who is calling, where the cluster asks for it.</summary>
    public string? UserName { get; init; }

    public string? Password { get; init; }

    /// <summary>For https endpoints.</summary>
    public RpcClientTls? Tls { get; init; }

    /// <summary>Where log lines go, without keys and values; nowhere if null.</summary>
    public ILoggerFactory? Loggers { get; init; }

    /// <summary>The clock of everything that takes time.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The chance behind jitter, and behind who is asked first.</summary>
    public Random Chance { get; init; } = Random.Shared;

    /// <summary>Mistakes, for tests.</summary>
    internal Calls.ClientFaults Faults { get; init; } = Calls.ClientFaults.None;

    /// <summary>Everything wrong with these options, in words an operator can act on.</summary>
    public IEnumerable<string> Problems()
    {
        if (Endpoints.Count == 0)
        {
            yield return $"{nameof(Endpoints)} is empty: the client needs the address of one member at least.";
        }

        foreach (var endpoint in Endpoints)
        {
            if (!IsEndpoint(endpoint))
            {
                yield return $"'{endpoint}' is no endpoint: it must be http://host:port or https://host:port.";
            }
        }

        foreach (var (name, value) in new[]
        {
            (nameof(Timeout), Timeout),
            (nameof(ElectionTimeout), ElectionTimeout),
            (nameof(ConnectTimeout), ConnectTimeout),
            (nameof(WatchSilence), WatchSilence),
            (nameof(MemberLookInterval), MemberLookInterval),
        })
        {
            if (value <= TimeSpan.Zero)
            {
                yield return $"{name} must be positive, but is {value}.";
            }
        }

        if (Password is not null && UserName is null)
        {
            yield return $"There is a {nameof(Password)}, but no {nameof(UserName)}.";
        }
    }

    internal static bool IsEndpoint(Uri address)
        => address.IsAbsoluteUri && address.Scheme is ("http" or "https") && address.PathAndQuery == "/";
}
