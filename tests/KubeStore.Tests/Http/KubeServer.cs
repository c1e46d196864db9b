using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Controllers;
using KubeStore.Http;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KubeStore.Tests.Http;

/// <summary>The API on a port of its own, over a store in memory.</summary>
internal sealed class KubeServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly KubeControllers _controllers;
    private bool _isDisposed;

    private KubeServer(WebApplication app, KubeRegistry registry, KubeControllers controllers)
    {
        _app = app;
        _controllers = controllers;
        Registry = registry;
        Address = new Uri(app.Urls.Single());
        Client = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator }) { BaseAddress = Address };
    }

    public KubeRegistry Registry { get; }

    public Uri Address { get; }

    public HttpClient Client { get; }

    public static async Task<KubeServer> StartAsync(KubeApiOptions? options = null, Func<KubeRegistry, KubeStore.Authz.ServiceAccountTokens>? tokens = null, X509Certificate2? certificate = null)
    {
        var registry = new KubeRegistry(new MemoryStorage());
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, port =>
        {
            if (certificate is not null)
            {
                port.UseHttps(certificate);
            }
        }));
        var app = builder.Build();
        app.MapKubeStore(registry, tokens is null ? options : (options ?? new()) with { ServiceAccounts = tokens(registry) });
        var controllers = await KubeControllers.StartAsync(registry);
        await app.StartAsync();
        return new(app, registry, controllers);
    }

    public async Task<(int Code, JsonObject Json)> SendAsync(HttpMethod method, string path, string? body = null, string type = "application/json", string? accept = null)
    {
        using var response = await SendRawAsync(method, path, body is null ? null : Encoding.UTF8.GetBytes(body), type, accept);
        var text = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, JsonText.ParseObject(text));
    }

    public async Task<HttpResponseMessage> SendRawAsync(HttpMethod method, string path, byte[]? body = null, string type = "application/json", string? accept = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        Client.Dispose();
        await _controllers.DisposeAsync();
        await Registry.DisposeAsync();
        await _app.DisposeAsync();
    }
}
