using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Discovery;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Resources;
using Microsoft.AspNetCore.Http;

namespace KubeStore.Http;

/// <summary>What the server says of itself: versions, health, resources and their schemas.</summary>
internal sealed class ServerDocuments(KubeRegistry registry)
{
    // The form of the answer that a client goes by; it differs from that of the request in one character.
    private const string SwaggerProtobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

    private readonly ConcurrentDictionary<string, (int Edition, byte[] Bytes)> _made = new(StringComparer.Ordinal);

    /// <summary>Sends what the path names; false if it names nothing of the kind.</summary>
    public async Task<bool> TrySendAsync(HttpContext http, string[] segments, Responder responder)
    {
        if (http.Request.Method is not ("GET" or "HEAD"))
        {
            return false;
        }

        switch (segments)
        {
            case ["version"]:
                await responder.SendJsonAsync(200, Version()).ConfigureAwait(false);
                return true;
            case ["healthz" or "livez" or "readyz", ..]:
                await HealthAsync(http, segments[0], responder).ConfigureAwait(false);
                return true;
            case ["api"] or ["apis"]:
                await GroupsAsync(http, segments[0] == "api", responder).ConfigureAwait(false);
                return true;
            case ["openapi", "v2"]:
                await SwaggerAsync(http, responder).ConfigureAwait(false);
                return true;
            case ["openapi", "v3"]:
                await responder.SendJsonAsync(200, OpenApiIndex()).ConfigureAwait(false);
                return true;
            case ["openapi", "v3", .. var of]:
                return await OpenApiAsync(http, of, responder).ConfigureAwait(false);
            case ["apis", var group]:
                return await SendAsync(DiscoveryDocuments.Group(registry.Catalog, group), responder).ConfigureAwait(false);
            case ["api", var version]:
                return await SendAsync(DiscoveryDocuments.Resources(registry.Catalog, new("", version)), responder).ConfigureAwait(false);
            case ["apis", var group, var version]:
                return await SendAsync(DiscoveryDocuments.Resources(registry.Catalog, new(group, version)), responder).ConfigureAwait(false);
            default:
                return false;
        }
    }

    private static async Task<bool> SendAsync(JsonObject? document, Responder responder)
    {
        if (document is null)
        {
            return false;
        }

        await responder.SendJsonAsync(200, document).ConfigureAwait(false);
        return true;
    }

    private static JsonObject Version() => new()
    {
        ["major"] = "1",
        ["minor"] = "32",
        ["gitVersion"] = "v1.32.4+raftkv",
        ["gitCommit"] = "",
        ["gitTreeState"] = "clean",
        ["buildDate"] = "1970-01-01T00:00:00Z",
        ["goVersion"] = "",
        ["compiler"] = "dotnet",
        ["platform"] = OperatingSystem.IsWindows() ? "windows/amd64" : "linux/amd64",
    };

    private async Task HealthAsync(HttpContext http, string name, Responder responder)
    {
        var isWell = true;
        if (name != "livez")
        {
            try
            {
                await registry.Storage.RangeAsync("/registry/health", null, 0, 1, http.RequestAborted).ConfigureAwait(false);
            }
            catch (Storage.StorageUnavailableException)
            {
                isWell = false;
            }
        }

        var lines = new StringBuilder();
        if (!isWell || http.Request.Query.ContainsKey("verbose"))
        {
            lines.Append("[+]ping ok\n").Append(isWell ? "[+]etcd ok\n" : "[-]etcd failed: reason withheld\n")
                .Append(name).Append(isWell ? " check passed\n" : " check failed\n");
        }

        await responder.SendAsync(isWell ? 200 : 500, Encoding.UTF8.GetBytes(lines.Length > 0 ? lines.ToString() : "ok"), "text/plain; charset=utf-8").ConfigureAwait(false);
    }

    private async Task GroupsAsync(HttpContext http, bool isCore, Responder responder)
    {
        http.Response.Headers.Vary = "Accept";
        if (!Accepted.WantsAggregated(http.Request))
        {
            await responder.SendJsonAsync(200, isCore ? DiscoveryDocuments.CoreVersions(http.Request.Host.Value ?? "") : DiscoveryDocuments.Groups(registry.Catalog)).ConfigureAwait(false);
            return;
        }

        var document = Made(isCore ? "api" : "apis", () => JsonText.Write(DiscoveryDocuments.Aggregated(registry.Catalog, isCore)));
        await TaggedAsync(http, document, DiscoveryDocuments.AggregatedType, responder).ConfigureAwait(false);
    }

    private async Task SwaggerAsync(HttpContext http, Responder responder)
    {
        if (http.Request.Headers.Accept.ToString().Contains("protobuf", StringComparison.Ordinal))
        {
            // An empty document is a valid one, and says that nothing can be checked by it.
            await responder.SendAsync(200, ReadOnlyMemory<byte>.Empty, SwaggerProtobuf).ConfigureAwait(false);
            return;
        }

        await TaggedAsync(http, Made("v2", () => JsonText.Write(OpenApiDocuments.Swagger(registry.Catalog))), "application/json", responder).ConfigureAwait(false);
    }

    private JsonObject OpenApiIndex()
    {
        var paths = new JsonObject();
        foreach (var version in registry.Catalog.GroupVersions)
        {
            var path = OpenApiDocuments.PathOf(version);
            paths[path] = new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{path}?hash={HashOf(version)}" };
        }

        return new JsonObject { ["paths"] = paths };
    }

    private async Task<bool> OpenApiAsync(HttpContext http, string[] of, Responder responder)
    {
        var version = of switch
        {
            ["api", var core] => new GroupVersion("", core),
            ["apis", var group, var named] => new GroupVersion(group, named),
            _ => default,
        };
        if (version.Version is null || !registry.Catalog.GroupVersions.Contains(version))
        {
            return false;
        }

        var hash = http.Request.Query["hash"].FirstOrDefault();
        if (hash is not null)
        {
            if (hash != HashOf(version))
            {
                http.Response.Redirect($"/openapi/v3/{OpenApiDocuments.PathOf(version)}?hash={HashOf(version)}", permanent: true);
                return true;
            }

            http.Response.Headers.CacheControl = "public, immutable";
        }

        await TaggedAsync(http, DocumentOf(version), "application/json", responder).ConfigureAwait(false);
        return true;
    }

    private static async Task TaggedAsync(HttpContext http, byte[] document, string type, Responder responder)
    {
        var tag = DiscoveryDocuments.Tag(document);
        http.Response.Headers.ETag = tag;
        if (http.Request.Headers.IfNoneMatch == tag)
        {
            http.Response.StatusCode = 304;
            return;
        }

        await responder.SendAsync(200, document, type).ConfigureAwait(false);
    }

    private string HashOf(GroupVersion version) => DiscoveryDocuments.Tag(DocumentOf(version)).Trim('"');

    private byte[] DocumentOf(GroupVersion version) => Made($"v3/{version}", () => JsonText.Write(OpenApiDocuments.Of(registry.Catalog, version)));

    // Made once for each state of the catalog.
    private byte[] Made(string name, Func<byte[]> make)
    {
        var edition = registry.Catalog.Edition;
        if (_made.TryGetValue(name, out var known) && known.Edition == edition)
        {
            return known.Bytes;
        }

        var bytes = make();
        _made[name] = (edition, bytes);
        return bytes;
    }
}
