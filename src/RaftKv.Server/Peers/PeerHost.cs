using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace RaftKv.Server.Peers;

/// <summary>Where a <see cref="PeerHost"/> listens, and what else it answers there.</summary>
public sealed class PeerHostOptions
{
    /// <summary>Where to listen; on the loopback, at a port the system chooses, if nothing is said.</summary>
    public IList<ListenAddress> Listen { get; } = [];

    /// <summary>Plain HTTP endpoints on the same ports, such as /version and /members.</summary>
    public Action<IApplicationBuilder>? Http { get; set; }

    /// <summary>On stopping, how long HTTP requests in progress may take to end.</summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(2);
}

/// <summary>
/// The peer port: Kestrel, with the transport in front of its HTTP. What is neither a peer nor an HTTP request that
/// somebody answers gets a 400 that says what this port is. Dispose of the transport first: it says farewell.
/// </summary>
public sealed class PeerHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private PeerHost(WebApplication app, IReadOnlyList<ListenAddress> listen)
    {
        _app = app;

        // Kestrel does not know of TLS here: it is over when a connection is handed to it.
        EndPoints = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
            .Zip(listen, (address, asked) => new UriBuilder(address) { Scheme = asked.Scheme }.Uri)
            .ToArray();
    }

    /// <summary>The addresses listened on, with the ports that the system chose.</summary>
    public IReadOnlyList<Uri> EndPoints { get; }

    /// <exception cref="IOException">An address is taken or cannot be listened on; the text names it.</exception>
    public static async Task<PeerHost> StartAsync(
        PeerHostOptions options, PeerTransport transport, CancellationToken cancellation = default)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddLogging();
        builder.Services.AddRouting();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.StopTimeout);
        ListenAddress[] addresses = [.. options.Listen.DefaultIfEmpty(new IPEndPoint(IPAddress.Loopback, 0))];
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            foreach (var address in addresses)
            {
                kestrel.Listen(address.IsTls ? new TlsEndPoint(address.EndPoint) : address.EndPoint, listen => listen.Protocols = HttpProtocols.Http1);
            }
        });

        builder.Services.AddSingleton<IConnectionListenerFactory>(
            services => new PeerListenerFactory(transport, services.GetRequiredService<ILoggerFactory>()));
        var app = builder.Build();
        try
        {
            options.Http?.Invoke(app);
            app.Run(http => AnswerStrangerAsync(http, transport));
            await app.StartAsync(cancellation).ConfigureAwait(false);
            return new PeerHost(app, addresses);
        }
        catch
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync().ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    private static Task AnswerStrangerAsync(HttpContext http, PeerTransport transport)
    {
        http.Response.StatusCode = StatusCodes.Status400BadRequest;
        http.Response.ContentType = "text/plain; charset=utf-8";
        return http.Response.WriteAsync(
            $"This is the peer port of RaftKv member {transport.Self} in cluster {transport.ClusterId:x}: the members talk to each other here. "
            + "Clients connect to the member's client URLs.\n",
            http.RequestAborted);
    }
}
