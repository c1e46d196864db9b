using System.Globalization;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore;

/// <summary>The API of a server, by HTTP: <c>raftkv kube</c>, an application with <c>MapKubeStore</c>, or Kubernetes itself.</summary>
/// <example><code>
/// using var kube = new HttpKubeClient(new() { Server = new Uri("https://10.0.0.1:6443"), Token = () => token });
/// var all = await kube.ListAsync(KubeResource.Pods, "default", new() { LabelSelector = "app=web" });
/// </code></example>
public sealed class HttpKubeClient : IKubeClient, IDisposable
{
    private readonly HttpKubeClientOptions _options;
    private readonly HttpClient _http;

    public HttpKubeClient(HttpKubeClientOptions options)
    {
        _options = options;
        _http = options.Handler is { } own
            ? new HttpClient(own, disposeHandler: false)
            : new HttpClient(new SocketsHttpHandler { SslOptions = options.Tls(), AutomaticDecompression = System.Net.DecompressionMethods.GZip, PooledConnectionLifetime = TimeSpan.FromMinutes(10) });
        _http.Timeout = Timeout.InfiniteTimeSpan;
        _http.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", $"{options.Name}/1");
    }

    public async Task<KubeObject> GetAsync(KubeResource resource, string ns, string name, CancellationToken cancellation = default)
        => ObjectReader.Object(await AskAsync(HttpMethod.Get, KubeAddress.Of(resource, ns, name), null, "", cancellation).ConfigureAwait(false), resource);

    public async Task<ObjectList> ListAsync(KubeResource resource, string ns, ListOptions? options = null, CancellationToken cancellation = default)
        => ObjectReader.List(
            await AskAsync(HttpMethod.Get, KubeAddress.Of(resource, ns).With(options ?? new()), null, "", cancellation).ConfigureAwait(false), resource);

    public async Task<KubeObject> CreateAsync(KubeResource resource, string ns, JsonObject body, KubeWrite? write = null, CancellationToken cancellation = default)
        => await WriteAsync(HttpMethod.Post, resource, ns, "", body, "application/json", write ?? KubeWrite.Plain, cancellation).ConfigureAwait(false);

    public async Task<KubeObject> UpdateAsync(KubeResource resource, string ns, JsonObject body, KubeWrite? write = null, CancellationToken cancellation = default)
        => await WriteAsync(
            HttpMethod.Put, resource, ns, body.TextAt("metadata", "name"), body, "application/json", write ?? KubeWrite.Plain, cancellation).ConfigureAwait(false);

    public async Task<KubeObject> PatchAsync(
        KubeResource resource, string ns, string name, PatchType type, JsonNode patch, KubeWrite? write = null, CancellationToken cancellation = default)
        => await WriteAsync(
            HttpMethod.Patch,
            resource,
            ns,
            name,
            patch,
            type switch
            {
                PatchType.Json => "application/json-patch+json",
                PatchType.Merge => "application/merge-patch+json",
                PatchType.Strategic => "application/strategic-merge-patch+json",
                _ => "application/apply-patch+yaml",
            },
            type == PatchType.Apply ? Named(write ?? KubeWrite.Plain) : write ?? KubeWrite.Plain,
            cancellation).ConfigureAwait(false);

    public async Task DeleteAsync(KubeResource resource, string ns, string name, KubeDelete? delete = null, CancellationToken cancellation = default)
        => await AskAsync(
            HttpMethod.Delete, KubeAddress.Of(resource, ns, name), KubeAddress.Body(delete ?? KubeDelete.Plain), "application/json", cancellation).ConfigureAwait(false);

    public async IAsyncEnumerable<WatchEvent> WatchAsync(
        KubeResource resource, string ns, WatchOptions options, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var request = Request(HttpMethod.Get, KubeAddress.Of(resource, ns).With(options), null, "");
        using var response = await SendAsync(request, cancellation, cancellation).ConfigureAwait(false);
        await ThrowIfRefusedAsync(response, cancellation).ConfigureAwait(false);
        using var lines = new WatchLines(await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false));
        while (await lines.NextAsync(cancellation).ConfigureAwait(false) is { } line)
        {
            yield return Read(() => ObjectReader.Event(line.Span, resource));
        }
    }

    public void Dispose() => _http.Dispose();

    private KubeWrite Named(KubeWrite write) => write.FieldManager.Length > 0 ? write : write with { FieldManager = _options.Name };

    private async Task<KubeObject> WriteAsync(
        HttpMethod method, KubeResource resource, string ns, string name, JsonNode body, string type, KubeWrite write, CancellationToken cancellation)
        => ObjectReader.Object(
            await AskAsync(method, KubeAddress.Of(resource, ns, name, write.Subresource).With(write), body, type, cancellation).ConfigureAwait(false), resource);

    private async Task<JsonObject> AskAsync(HttpMethod method, KubeAddress address, JsonNode? body, string type, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(_options.Timeout);
        using var request = Request(method, address, body, type);
        using var response = await SendAsync(request, deadline.Token, cancellation).ConfigureAwait(false);
        await ThrowIfRefusedAsync(response, deadline.Token).ConfigureAwait(false);
        byte[] bytes;
        try
        {
            bytes = await response.Content.ReadAsByteArrayAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (Exception broken) when (IsBroken(broken, cancellation))
        {
            throw Unreachable(broken);
        }

        return Read(() => JsonText.ParseObject(bytes));
    }

    private HttpRequestMessage Request(HttpMethod method, KubeAddress address, JsonNode? body, string type)
    {
        var request = new HttpRequestMessage(method, new Uri(_options.Server.AbsoluteUri.TrimEnd('/') + address));
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (_options.Token?.Invoke() is { Length: > 0 } token)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        if (body is not null)
        {
            request.Content = new ByteArrayContent(JsonText.Write(body));
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        }

        return request;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken deadline, CancellationToken cancellation)
    {
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline).ConfigureAwait(false);
        }
        catch (Exception broken) when (IsBroken(broken, cancellation))
        {
            throw Unreachable(broken);
        }
    }

    private static async Task ThrowIfRefusedAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        if (response.IsSuccessStatusCode)
        {
            return;
        }

        var code = (int)response.StatusCode;
        var text = "";
        try
        {
            var bytes = await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
            text = Encoding.UTF8.GetString(bytes);
            throw new StatusException(ObjectReader.Status(JsonText.ParseObject(bytes), code));
        }
        catch (Exception unclear) when (unclear is JsonException or HttpRequestException or IOException)
        {
            // What stands between us and the server has words of its own.
            throw new StatusException(new Status(code, "", text.Length > 0 ? text : string.Create(CultureInfo.InvariantCulture, $"the server answered {code}")), unclear);
        }
    }

    private static T Read<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (JsonException wrong)
        {
            throw new KubeUnreachableException($"What the server sent is not what was asked for: {wrong.Message}", wrong);
        }
    }

    internal static bool IsBroken(Exception broken, CancellationToken cancellation)
        => broken is HttpRequestException or IOException || (broken is OperationCanceledException && !cancellation.IsCancellationRequested);

    internal static KubeUnreachableException Unreachable(Exception broken)
        => new(broken is OperationCanceledException ? "The server did not answer in time." : $"The server cannot be reached: {broken.Message}", broken);
}
