using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using RaftKv.Rpc.Tls;

namespace RaftKv.Rpc.Client;

/// <summary>Which of a channel's addresses a call goes to.</summary>
public enum RpcBalancing
{
    /// <summary>Each call takes the next address in turn.</summary>
    RoundRobin,

    /// <summary>All calls go to one address, in the order given, until it fails; then to the next that works.</summary>
    PickFirst,
}

/// <summary>What every call of a channel shares.</summary>
/// <example><code>
/// new RpcChannelOptions { Addresses = [new("http://10.0.0.1:2379"), new("http://10.0.0.2:2379")] }
/// </code></example>
public sealed record RpcChannelOptions
{
    /// <summary>
    /// Where the servers are: "http://host:port" (HTTP/2 at once, without TLS) or "https://host:port". At least one.
    /// </summary>
    public required IReadOnlyList<Uri> Addresses { get; init; }

    /// <summary>Services of this process to call instead of what the addresses say, without a socket.</summary>
    public InProcess.RpcInProcessServer? InProcess { get; init; }

    /// <summary>Makes what carries the calls to an address, in the place of connections of the channel's own. It is disposed of
    /// with the channel.</summary>
    /// <example><code>Handlers = address => servers[address].NewHandler()</code></example>
    public Func<Uri, HttpMessageHandler>? Handlers { get; init; }

    public RpcBalancing Balancing { get; init; } = RpcBalancing.RoundRobin;

    /// <summary>How long an address is left alone after it failed: longer with each failure in a row.</summary>
    public RpcBackOff Eviction { get; init; } = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(10));

    /// <summary>Attempts of a call that is marked <see cref="RpcCallOptions.IsSafeToRetry"/>, the first included.</summary>
    public int RetryAttempts { get; init; } = 5;

    /// <summary>The pause before each further attempt.</summary>
    public RpcBackOff RetryPause { get; init; } = new(TimeSpan.FromMilliseconds(25), TimeSpan.FromSeconds(1));

    /// <summary>How long a connection may take to come up, TLS included.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A connection with calls on it that is silent for this long is pinged. Null: never.</summary>
    /// <remarks>A host that lost its power says nothing; without pings a watch on it would wait for ever. Servers that
    /// follow gRPC's defaults refuse pings more often than their limit, etcd's at 5 s.</remarks>
    public TimeSpan? KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A ping unanswered for this long breaks the connection, and its calls end UNAVAILABLE.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Ping connections without calls too. Many servers refuse that.</summary>
    public bool KeepAliveWithoutCalls { get; init; }

    /// <summary>A connection without calls is closed after this long.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Bytes a server may send ahead on one stream before its messages are read. 64 KiB to 16 MiB.</summary>
    /// <remarks>It grows by itself on fast links with long ways; this is where it starts.</remarks>
    public int StreamWindowBytes { get; init; } = 512 * 1024;

    /// <summary>All headers of one response, or all trailers. More is refused as RESOURCE_EXHAUSTED.</summary>
    public int MaxHeaderBytes { get; init; } = 64 * 1024;

    /// <summary>Largest message received, after decompression, unless a call says otherwise.</summary>
    /// <remarks>Refused from its header, unread.</remarks>
    public int MaxReceiveMessageBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Largest message sent, unless a call says otherwise.</summary>
    public int MaxSendMessageBytes { get; init; } = int.MaxValue - (64 * 1024);

    /// <summary>For https addresses. Null: the system's authorities, no client certificate.</summary>
    public RpcClientTls? Tls { get; init; }

    /// <summary>Asked before every attempt for metadata to send, a token for instance.</summary>
    public RpcCredentials? Credentials { get; init; }

    /// <summary>Run around every call, the first outermost.</summary>
    public IReadOnlyList<RpcClientInterceptor> Interceptors { get; init; } = [];

    /// <summary>Told of what happens to addresses and calls, for logs and metrics.</summary>
    public IRpcChannelObserver? Observer { get; init; }

    /// <summary>The clock of deadlines, back-off and pauses.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The chance behind jitter. A seeded one makes every back-off repeatable.</summary>
    public Random Chance { get; init; } = Random.Shared;

    /// <summary>Everything wrong with these options, in words an operator can act on.</summary>
    public IEnumerable<string> Problems()
    {
        foreach (var problem in AddressProblems(Addresses))
        {
            yield return problem;
        }

        foreach (var (name, value) in Durations())
        {
            if (value <= TimeSpan.Zero)
            {
                yield return $"{name} must be positive, but is {value}.";
            }
        }

        if (RetryAttempts < 1)
        {
            yield return $"{nameof(RetryAttempts)} counts the first attempt and must be at least 1, but is {RetryAttempts}.";
        }

        if (StreamWindowBytes is < 65_535 or > 16 * 1024 * 1024)
        {
            yield return $"{nameof(StreamWindowBytes)} must be from 65535 to 16777216, but is {StreamWindowBytes}.";
        }

        if (MaxHeaderBytes < 1024)
        {
            yield return $"{nameof(MaxHeaderBytes)} must be at least 1024, but is {MaxHeaderBytes}.";
        }

        if (MaxReceiveMessageBytes < 0 || MaxSendMessageBytes < 0)
        {
            yield return "Message size limits cannot be negative.";
        }
    }

    internal static IEnumerable<string> AddressProblems(IReadOnlyList<Uri> addresses)
    {
        if (addresses.Count == 0)
        {
            yield return "A channel needs at least one address.";
        }

        foreach (var address in addresses)
        {
            if (!address.IsAbsoluteUri || address.Scheme is not ("http" or "https"))
            {
                yield return $"'{address}' is no address: it must be http://host:port or https://host:port.";
            }
            else if (address.PathAndQuery != "/" || address.UserInfo.Length > 0 || address.Fragment.Length > 0)
            {
                yield return $"'{address}' says more than where the server is: only scheme, host and port are allowed.";
            }
        }
    }

    private IEnumerable<(string Name, TimeSpan Value)> Durations()
    {
        yield return (nameof(ConnectTimeout), ConnectTimeout);
        yield return (nameof(KeepAliveTimeout), KeepAliveTimeout);
        yield return (nameof(IdleTimeout), IdleTimeout);
        yield return ($"{nameof(Eviction)}.{nameof(RpcBackOff.First)}", Eviction.First);
        yield return ($"{nameof(RetryPause)}.{nameof(RpcBackOff.First)}", RetryPause.First);
        if (KeepAliveInterval is { } interval)
        {
            yield return (nameof(KeepAliveInterval), interval);
        }
    }
}

/// <summary>Pauses that double from one failure to the next, each varied by up to a fifth so that clients do not march in step.</summary>
public sealed record RpcBackOff(TimeSpan First, TimeSpan Longest)
{
    private const double Jitter = 0.2;

    /// <summary>The pause after so many failures in a row.</summary>
    /// <param name="failures">The first failure is 1.</param>
    /// <param name="draw">From [0, 1): where in the range of the jitter.</param>
    public TimeSpan After(int failures, double draw)
    {
        var doublings = Math.Clamp(failures - 1, 0, 30);
        var pause = Math.Min(First.TotalMilliseconds * (1 << doublings), Longest.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(pause * (1 - Jitter + (2 * Jitter * draw)));
    }
}

/// <summary>How https addresses are believed, and how this client proves itself.</summary>
public sealed record RpcClientTls
{
    /// <summary>The authorities that sign the servers' certificates. Empty: the system's are believed.</summary>
    public X509Certificate2Collection Authorities { get; init; } = [];

    /// <summary>This client's certificate with its private key, for servers that ask for one.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>The same from files, which are looked at again with every connection; in place of <see cref="Authorities"/>
    /// and <see cref="Certificate"/>.</summary>
    public RpcClientTlsFiles? Files { get; init; }

    /// <summary>The name the servers' certificates carry, where it is not the host of their address. Sent as the authority, too.</summary>
    public string? ServerName { get; init; }

    /// <summary>Changes what the properties above cannot express. Called once per connection.</summary>
    public Action<SslClientAuthenticationOptions>? Customize { get; init; }

    /// <summary>As an <see cref="SslStream"/> takes them, for connections that are not a channel's.</summary>
    public SslClientAuthenticationOptions ToOptions()
    {
        var options = new SslClientAuthenticationOptions();
        var authorities = Files is null ? (Authorities.Count > 0 ? Authorities : null) : Files.Authorities;
        if (authorities is not null)
        {
            // The name in the certificate is still compared; only the roots change.
            options.CertificateChainPolicy = CertificateJudge.NewPolicy(authorities, isOfServer: true);
        }

        if (Files?.Own is { } own)
        {
            options.ClientCertificateContext = own.Context;
        }
        else if (Certificate is not null)
        {
            options.ClientCertificateContext = SslStreamCertificateContext.Create(Certificate, additionalCertificates: null, offline: true);
        }

        Customize?.Invoke(options);
        return options;
    }
}

/// <summary>
/// Adds metadata to one attempt of a call. It may wait, to renew a token for instance; the call's deadline goes on.
/// An <see cref="RpcException"/> it throws ends the call with that status, any other exception as UNAUTHENTICATED.
/// </summary>
/// <example><code>Credentials = async (method, metadata, cancellation) => metadata.Add("token", await tokens.GetAsync(cancellation))</code></example>
public delegate ValueTask RpcCredentials(RpcMethod method, RpcMetadata metadata, CancellationToken cancellation);
