using System.Text.Json;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Proto;
using Microsoft.AspNetCore.Http;

namespace KubeStore.Http;

/// <summary>What somebody sent, read by what they said it is.</summary>
internal sealed record RequestBody(JsonNode? Json, IReadOnlyList<string> Duplicates)
{
    public const long Limit = 3 * 1024 * 1024;

    /// <summary>The media type of a request, without its parameters.</summary>
    public static string MediaType(HttpRequest request) => (request.ContentType ?? "").Split(';')[0].Trim().ToLowerInvariant();

    public static async Task<byte[]> ReadBytesAsync(HttpRequest request, CancellationToken cancellation)
    {
        if (request.ContentLength > Limit)
        {
            throw Failure.TooLarge(Limit);
        }

        using var bytes = new MemoryStream();
        while (true)
        {
            var read = await request.BodyReader.ReadAsync(cancellation).ConfigureAwait(false);
            foreach (var part in read.Buffer)
            {
                bytes.Write(part.Span);
            }

            request.BodyReader.AdvanceTo(read.Buffer.End);
            if (bytes.Length > Limit)
            {
                throw Failure.TooLarge(Limit);
            }

            if (read.IsCompleted)
            {
                return bytes.ToArray();
            }
        }
    }

    /// <summary>An object in JSON, YAML or protobuf. JSON if nothing is said.</summary>
    public static async Task<RequestBody> ReadObjectAsync(HttpRequest request, CancellationToken cancellation)
    {
        var bytes = await ReadBytesAsync(request, cancellation).ConfigureAwait(false);
        var duplicates = new List<string>();
        var type = MediaType(request);
        var node = Parse(() => type switch
        {
            "" or "application/json" or "*/*" => JsonText.Parse(bytes, duplicates),
            "application/yaml" or "application/x-yaml" or "text/yaml" => Yaml.Read(bytes, duplicates),
            ProtobufBody.MediaType => ProtobufBody.Read(bytes),
            _ => throw Failure.UnsupportedMediaType("application/json, application/yaml, application/vnd.kubernetes.protobuf"),
        });
        return new(node as JsonObject ?? throw Failure.BadRequest("the object provided is unrecognized: it is no object"), duplicates);
    }

    /// <summary>A patch; those for apply may be YAML.</summary>
    public static async Task<RequestBody> ReadPatchAsync(HttpRequest request, bool isYaml, CancellationToken cancellation)
    {
        var bytes = await ReadBytesAsync(request, cancellation).ConfigureAwait(false);
        var duplicates = new List<string>();
        return new(Parse(() => isYaml ? Yaml.Read(bytes, duplicates) : JsonText.Parse(bytes, duplicates)), duplicates);
    }

    private static JsonNode? Parse(Func<JsonNode?> read)
    {
        try
        {
            return read();
        }
        catch (JsonException wrong)
        {
            throw Failure.BadRequest($"error decoding the body: {wrong.Message}");
        }
    }
}
