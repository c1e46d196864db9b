using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Resources;
using KubeStore.Tables;
using Microsoft.AspNetCore.Http;

namespace KubeStore.Http;

/// <summary>Writes answers in the form that was asked for.</summary>
internal sealed class Responder(HttpContext http, TimeProvider time)
{
    private const int GzipFrom = 128 * 1024;

    public async Task SendStatusAsync(Status status)
    {
        if (http.Response.HasStarted)
        {
            http.Abort();
            return;
        }

        if (status.RetryAfterSeconds > 0)
        {
            http.Response.Headers.RetryAfter = status.RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        }

        // A failure is told in plain JSON, whatever was asked for.
        await SendAsync(status.Code, JsonText.Write(status.ToJson(), IsPretty), "application/json").ConfigureAwait(false);
    }

    public Task SendObjectAsync(ResourceDefinition resource, KubeObject value, int code)
    {
        var accepted = Accepted.Of(http.Request);
        if (accepted.As == Accepted.PartialList)
        {
            throw Failure.NotAcceptable("you requested PartialObjectMetadataList, but the requested object is not a list");
        }

        if (accepted is { As: "", IsYaml: false } && !IsPretty)
        {
            var output = new ArrayBufferWriter<byte>(value.Json.Length + 64);
            value.WriteTo(output, resource.ApiVersion == value.ApiVersion || value.Kind != resource.Kind ? null : resource.ApiVersion);
            output.Write("\n"u8);
            return SendAsync(code, output.WrittenMemory, "application/json");
        }

        var json = value.ToJson();
        return SendJsonAsync(code, accepted.As switch
        {
            Accepted.Table => Table.Of(
                resource,
                [json],
                Metadata(value.ResourceVersion),
                IncludeObject,
                time.GetUtcNow(),
                columns: value.Kind == "Scale" && value.Kind != resource.Kind ? TableColumns.OfScale : null),
            Accepted.Partial => Table.Partial(json),
            _ => json,
        });
    }

    public Task SendListAsync(ResourceDefinition resource, ObjectList list)
    {
        var accepted = Accepted.Of(http.Request);
        var metadata = Metadata(list.Revision.ToString(CultureInfo.InvariantCulture));
        if (list.Continue.Length > 0)
        {
            metadata["continue"] = list.Continue;
        }

        if (list.RemainingItemCount is { } remaining)
        {
            metadata["remainingItemCount"] = JsonValue.Create(remaining);
        }

        switch (accepted.As)
        {
            case Accepted.Table:
                return SendJsonAsync(200, Table.Of(resource, list.Items.Select(one => one.ToJson()), metadata, IncludeObject, time.GetUtcNow()));
            case Accepted.PartialList:
                return SendJsonAsync(200, new JsonObject
                {
                    ["kind"] = "PartialObjectMetadataList",
                    ["apiVersion"] = "meta.k8s.io/v1",
                    ["metadata"] = metadata,
                    ["items"] = JsonAccess.ToArray(list.Items.Select(one => Table.Partial(one.ToJson()))),
                });
            case Accepted.Partial:
                throw Failure.NotAcceptable("you requested PartialObjectMetadata, but the requested object is a list");
        }

        // The items are spliced in as they are kept; nothing is parsed to be written again.
        var output = new ArrayBufferWriter<byte>(list.Items.Sum(one => one.Json.Length + 48) + 256);
        output.Write(Encoding.UTF8.GetBytes($"{{\"kind\":\"{resource.ListKind}\",\"apiVersion\":\"{resource.ApiVersion}\",\"metadata\":"));
        JsonText.Write(output, metadata);
        output.Write(",\"items\":["u8);
        for (var i = 0; i < list.Items.Count; i++)
        {
            if (i > 0)
            {
                output.Write(","u8);
            }

            list.Items[i].WriteTo(output, withType: resource.IsCustom);
        }

        output.Write("]}\n"u8);
        return accepted.IsYaml || IsPretty
            ? SendJsonAsync(200, JsonText.ParseObject(output.WrittenSpan))
            : SendAsync(200, output.WrittenMemory, "application/json");
    }

    /// <summary>A document of the API's own.</summary>
    public Task SendJsonAsync(int code, JsonNode json)
        => http.Request.Headers.Accept.ToString().StartsWith("application/yaml", StringComparison.Ordinal)
            ? SendAsync(code, Yaml.Write(json), "application/yaml")
            : SendAsync(code, JsonText.Write(json, IsPretty), "application/json");

    public async Task SendAsync(int code, ReadOnlyMemory<byte> body, string type)
    {
        var response = http.Response;
        response.StatusCode = code;
        response.ContentType = type;
        response.Headers.CacheControl = response.Headers.CacheControl.Count > 0 ? response.Headers.CacheControl : "no-cache, private";
        if (HttpMethods.IsHead(http.Request.Method))
        {
            return;
        }

        if (body.Length > GzipFrom && http.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase))
        {
            response.Headers.ContentEncoding = "gzip";
            response.Headers.Vary = "Accept-Encoding";
            var gzip = new GZipStream(response.Body, CompressionLevel.Fastest, leaveOpen: true);
            await using (gzip.ConfigureAwait(false))
            {
                await gzip.WriteAsync(body, http.RequestAborted).ConfigureAwait(false);
            }

            return;
        }

        response.ContentLength = body.Length;
        await response.Body.WriteAsync(body, http.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>What the sender is told beside the answer.</summary>
    public void Warn(IEnumerable<string> warnings)
    {
        foreach (var warning in warnings.Distinct())
        {
            var text = warning.Length > 256 ? warning[..256] : warning;
            http.Response.Headers.Append("Warning", $"299 - {FieldError.Quoted(string.Concat(text.Select(letter => letter is < ' ' or > '~' ? ' ' : letter)))}");
        }
    }

    internal string IncludeObject => http.Request.Query["includeObject"].FirstOrDefault() ?? "Metadata";

    private bool IsPretty => http.Request.Query["pretty"].FirstOrDefault() is { } asked
        ? asked is "true" or "1"
        : http.Request.Headers.UserAgent.ToString() is var agent
            && (agent.StartsWith("curl", StringComparison.Ordinal) || agent.StartsWith("Wget", StringComparison.Ordinal) || agent.StartsWith("Mozilla/5.0", StringComparison.Ordinal));

    private static JsonObject Metadata(string version) => new() { ["resourceVersion"] = version };
}
