using System.Diagnostics;
using System.Net.Security;
using RaftKv.Load;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.Cli.Commands.Connection;

/// <summary>
/// Calls to a cluster through whichever of the endpoints can be reached, in their order. A failed call throws
/// <see cref="ConnectionFailure"/> with words for the person who asked.
/// </summary>
internal sealed class ClusterConnection : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    // How the channel begins to say so; a status has no other place for it.
    private static readonly string[] Unreachable = ["no connection", "no TLS connection", "no address can be reached"];

    // As etcd's own client: it believes what servers send.
    private const int AnyMessage = int.MaxValue;

    private readonly ConnectionSettings _settings;
    private readonly RpcChannel _channel;
    private Task<string?>? _token;

    public ClusterConnection(ConnectionSettings settings)
    {
        _settings = settings;
        _channel = new RpcChannel(new RpcChannelOptions
        {
            Addresses = [.. settings.Endpoints.Select(endpoint => endpoint.Address)],
            Balancing = RpcBalancing.PickFirst,
            ConnectTimeout = settings.DialTimeout,
            Eviction = new RpcBackOff(Pause, Pause),
            KeepAliveInterval = settings.KeepAliveTime,
            KeepAliveTimeout = settings.KeepAliveTimeout,
            MaxReceiveMessageBytes = AnyMessage,
            Tls = settings.Tls,
        });
    }

    public IReadOnlyList<Endpoint> Endpoints => _settings.Endpoints;

    /// <summary>The same cluster, asked at one endpoint only.</summary>
    public ClusterConnection At(Endpoint endpoint) => new(_settings with { Endpoints = [endpoint] });

    /// <summary>
    /// Sends one request and returns the one response. A request that changes nothing is safe to repeat: it may reach a
    /// server twice.
    /// </summary>
    /// <exception cref="ConnectionFailure">There was no response.</exception>
    public async Task<TResponse> CallAsync<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, TRequest request, CancellationToken stop, bool isSafeToRepeat = false)
    {
        var token = await TokenAsync(stop);
        return await RunAsync(
            () => _channel.UnaryAsync(method, request, Options(token, isSafeToRepeat, stop)).AsTask(), stop);
    }

    /// <summary>Opens a stream of requests and responses. Nothing is repeated on it; the caller <see cref="Explain"/>s its failures.</summary>
    public async Task<RpcDuplexCall<TRequest, TResponse>> OpenAsync<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, CancellationToken stop)
        => _channel.Duplex(method, new RpcCallOptions { Metadata = Metadata(await TokenAsync(stop)), CancellationToken = stop });

    /// <summary>Asks for a stream of responses that may take any time, of a member that need not know a leader.</summary>
    public async Task<RpcServerStreamingCall<TResponse>> DownloadAsync<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, TRequest request, RpcMetadata metadata, CancellationToken stop)
    {
        if (await TokenAsync(stop) is { } token)
        {
            metadata.Add("token", token);
        }

        return _channel.ServerStreaming(method, request, new RpcCallOptions { Metadata = metadata, CancellationToken = stop });
    }

    /// <summary>Whether no connection came up, so that no server has seen anything of the call.</summary>
    public static bool IsUnreachable(RpcException failure)
        => failure.Code == RpcStatusCode.Unavailable && !IsOfServer(failure) && Unreachable.Any(text => failure.Status.Detail.Contains(text, StringComparison.Ordinal));

    /// <summary>What a failed call means for the person who asked.</summary>
    public ConnectionFailure Explain(RpcException failure)
    {
        var asked = string.Join(',', _settings.Endpoints.Select(endpoint => endpoint.Text));
        if (failure.Code == RpcStatusCode.DeadlineExceeded && !IsOfServer(failure))
        {
            return new ConnectionFailure(
                $"context deadline exceeded: no answer from {asked} within {Text.GoDuration.Format(_settings.CommandTimeout)} (--command-timeout)", failure);
        }

        if (IsUnreachable(failure))
        {
            return new ConnectionFailure($"no member can be reached at {asked} (--endpoints): {failure.Status.Detail}", failure);
        }

        if (failure.Code == RpcStatusCode.Unavailable && !IsOfServer(failure))
        {
            return new ConnectionFailure($"the call broke off, and whether it took effect is unknown: {failure.Status.Detail}{HintOfCertificate()}", failure);
        }

        return new ConnectionFailure(failure.Status.Detail is { Length: > 0 } text ? text : failure.Status.ToString(), failure);
    }

    /// <summary>The members as a load generator takes them: with TLS and a token, where they are needed.</summary>
    public async Task<IReadOnlyList<LoadEndpoint>> LoadEndpointsAsync(CancellationToken stop)
    {
        var token = await TokenAsync(stop);
        return
        [
            .. Endpoints.Select(endpoint => new LoadEndpoint(endpoint.Address.IdnHost, endpoint.Address.Port)
            {
                Tls = endpoint.Address.Scheme == "https" ? Tls(endpoint) : null,
                Token = token,
            }),
        ];
    }

    /// <summary>For what members tell beside the API, on the same addresses.</summary>
    public HttpClient CreateHttp()
    {
        var handler = new SocketsHttpHandler { ConnectTimeout = _settings.DialTimeout };
        if (_settings.Tls is { } tls)
        {
            handler.SslOptions = tls.ToOptions();
        }

        return new HttpClient(handler) { Timeout = _settings.CommandTimeout };
    }

    public ValueTask DisposeAsync() => _channel.DisposeAsync();

    // What the servers say themselves begins with their name.
    private static bool IsOfServer(RpcException failure)
        => failure.Status.Detail.StartsWith("etcdserver:", StringComparison.Ordinal)
            || failure.Status.Detail.StartsWith("raftkv:", StringComparison.Ordinal);

    // It would not be believed a moment later either.
    private static bool IsDisbelieved(RpcException failure)
        => failure.Status.Detail.Contains("the server is not believed", StringComparison.Ordinal);

    // A server that does not like a client's certificate ends the connection, and nothing that reaches us says why.
    private string HintOfCertificate()
        => _settings.Endpoints.All(endpoint => endpoint.Address.Scheme != "https") ? ""
            : _settings.Tls?.ToOptions().ClientCertificateContext?.TargetCertificate is { } own
                ? $" (it may be that the server refuses the certificate '{own.Subject}' of --cert)"
                : " (it may be that the server asks for a certificate: see --cert and --key)";

    private SslClientAuthenticationOptions Tls(Endpoint endpoint)
    {
        var options = (_settings.Tls ?? new RpcClientTls()).ToOptions();
        options.TargetHost ??= endpoint.Address.IdnHost;
        options.ApplicationProtocols = [SslApplicationProtocol.Http2];
        return options;
    }

    private static RpcMetadata Metadata(string? token)
    {
        var metadata = new RpcMetadata { { "hasleader", "true" } };
        if (token is not null)
        {
            metadata.Add("token", token);
        }

        return metadata;
    }

    private RpcCallOptions Options(string? token, bool isSafeToRepeat, CancellationToken stop) => new()
    {
        Timeout = _settings.CommandTimeout,
        Metadata = token is null ? null : new RpcMetadata { { "token", token } },
        IsSafeToRetry = isSafeToRepeat,
        CancellationToken = stop,
    };

    private Task<string?> TokenAsync(CancellationToken stop)
        => _settings.User is null ? Task.FromResult<string?>(null) : _token ??= AuthenticateAsync(_settings.User, stop);

    private async Task<string?> AuthenticateAsync(string user, CancellationToken stop)
    {
        var request = new AuthenticateRequest { Name = user, Password = _settings.Password };
        try
        {
            var response = await RunAsync(() => _channel.UnaryAsync(EtcdMethods.Authenticate, request, Options(null, true, stop)).AsTask(), stop);
            return response.Token;
        }
        catch (ConnectionFailure failure) when (failure.Code == RpcStatusCode.FailedPrecondition)
        {
            // Authentication is off: whoever asks is let in.
            return null;
        }
        catch (ConnectionFailure failure)
        {
            throw new CommandFailure(ExitCode.BadConnection, failure.Message, failure);
        }
    }

    // Members that start, or start again, are worth a moment of waiting.
    private async Task<TResponse> RunAsync<TResponse>(Func<Task<TResponse>> call, CancellationToken stop)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return await call();
            }
            catch (RpcException failure)
            {
                if (!IsUnreachable(failure) || IsDisbelieved(failure) || Stopwatch.GetElapsedTime(started) >= _settings.DialTimeout)
                {
                    throw Explain(failure);
                }
            }

            await Task.Delay(Pause, stop);
        }
    }
}

/// <summary>A call to the cluster failed.</summary>
internal sealed class ConnectionFailure(string message, RpcException cause) : Exception(message, cause)
{
    public RpcStatusCode Code { get; } = cause.Code;
}
