using System.Buffers;
using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Resources;
using KubeStore.Tables;
using Microsoft.AspNetCore.Http;

namespace KubeStore.Http;

/// <summary>A watch as a stream of JSON objects, one a line, each on its way as soon as it has happened.</summary>
internal sealed class WatchStream(HttpContext http, ResourceDefinition resource, TimeProvider time)
{
    private bool _hasColumns;

    public async Task SendAsync(IAsyncEnumerable<WatchEvent> events, Accepted accepted, string includeObject, CancellationToken cancellation)
    {
        http.Response.StatusCode = 200;
        http.Response.ContentType = "application/json";
        http.Response.Headers.CacheControl = "no-cache, private";
        await http.Response.StartAsync(cancellation).ConfigureAwait(false);
        var output = http.Response.BodyWriter;
        await output.FlushAsync(cancellation).ConfigureAwait(false);
        await foreach (var happened in events.WithCancellation(cancellation).ConfigureAwait(false))
        {
            Write(output, happened, accepted, includeObject);
            var flushed = await output.FlushAsync(cancellation).ConfigureAwait(false);
            if (flushed.IsCompleted)
            {
                return;
            }
        }
    }

    private void Write(IBufferWriter<byte> output, WatchEvent happened, Accepted accepted, string includeObject)
    {
        output.Write("{\"type\":\""u8);
        output.Write(happened.Type switch
        {
            WatchEventType.Added => "ADDED"u8,
            WatchEventType.Modified => "MODIFIED"u8,
            WatchEventType.Deleted => "DELETED"u8,
            WatchEventType.Bookmark => "BOOKMARK"u8,
            _ => "ERROR"u8,
        });
        output.Write("\",\"object\":"u8);
        if (happened.Error is { } error)
        {
            JsonText.Write(output, error.ToJson());
        }
        else if (happened.Object is { } value && accepted.As.Length == 0)
        {
            value.WriteTo(output, resource.ApiVersion);
        }
        else
        {
            var json = happened.Object?.ToJson() ?? Bookmark(happened);
            JsonText.Write(output, accepted.As switch
            {
                Accepted.Table => Table.Of(
                    resource,
                    happened.Object is null ? [] : [json],
                    new JsonObject { ["resourceVersion"] = happened.Revision.ToString(CultureInfo.InvariantCulture) },
                    includeObject,
                    time.GetUtcNow(),
                    withColumns: !_hasColumns),
                Accepted.Partial => Table.Partial(json),
                _ => json,
            });
            _hasColumns = true;
        }

        output.Write("}\n"u8);
    }

    private JsonObject Bookmark(WatchEvent happened)
    {
        var metadata = new JsonObject
        {
            ["resourceVersion"] = happened.Revision.ToString(CultureInfo.InvariantCulture),
            ["creationTimestamp"] = null,
        };
        if (happened.EndsInitialEvents)
        {
            metadata["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
        }

        return new JsonObject { ["kind"] = resource.Kind, ["apiVersion"] = resource.ApiVersion, ["metadata"] = metadata };
    }
}
