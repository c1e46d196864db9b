using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace KubeStore.Objects;

/// <summary>Between JSON as bytes and JSON as a tree that can be changed.</summary>
/// <remarks>
/// The tree knows two kinds of numbers, as Kubernetes does: 64-bit integers, and doubles. Objects keep the order of their
/// names, so that bytes that were read and written again stay the same bytes.
/// </remarks>
internal static class JsonText
{
    /// <summary>How deep a document may nest. Everything that walks trees is recursive, and relies on it.</summary>
    public const int MaxDepth = 200;

    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };
    private static readonly JsonWriterOptions Indented = Compact with { Indented = true, IndentSize = 4 };

    /// <summary>Reads one document. <paramref name="duplicates"/> is told the path of every name that an object has twice; the
    /// later value counts.</summary>
    /// <exception cref="JsonException">It is none; the message says where.</exception>
    public static JsonNode? Parse(ReadOnlySpan<byte> json, List<string>? duplicates = null)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
        if (!reader.Read())
        {
            throw new JsonException("The document is empty.");
        }

        var node = ReadValue(ref reader, "", duplicates);
        if (reader.Read())
        {
            throw new JsonException("There is something after the end of the document.");
        }

        return node;
    }

    /// <summary>A copy with the numbers that everything here relies on: whoever builds a tree by hand uses others, too.</summary>
    public static JsonNode? Normal(JsonNode? node) => Parse(Write(node));

    public static JsonObject ParseObject(ReadOnlySpan<byte> json)
        => Parse(json) as JsonObject ?? throw new JsonException("The document is no object.");

    public static byte[] Write(JsonNode? node, bool indented = false)
    {
        var output = new ArrayBufferWriter<byte>(1024);
        Write(output, node, indented);
        return output.WrittenSpan.ToArray();
    }

    public static void Write(IBufferWriter<byte> output, JsonNode? node, bool indented = false)
    {
        using var writer = new Utf8JsonWriter(output, indented ? Indented : Compact);
        WriteValue(writer, node);
    }

    public static void WriteValue(Utf8JsonWriter writer, JsonNode? node)
    {
        if (node is null)
        {
            writer.WriteNullValue();
        }
        else
        {
            node.WriteTo(writer);
        }
    }

    /// <summary>A number as the tree knows it.</summary>
    public static JsonValue Number(ref Utf8JsonReader reader)
    {
        if (reader.TryGetInt64(out var whole))
        {
            return JsonValue.Create(whole);
        }

        var number = reader.GetDouble();
        return double.IsFinite(number) ? JsonValue.Create(number) : throw new JsonException("A number is too large.");
    }

    private static JsonNode? ReadValue(ref Utf8JsonReader reader, string path, List<string>? duplicates)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return null;
            case JsonTokenType.True:
                return JsonValue.Create(true);
            case JsonTokenType.False:
                return JsonValue.Create(false);
            case JsonTokenType.String:
                return JsonValue.Create(Text(ref reader));
            case JsonTokenType.Number:
                return Number(ref reader);
            case JsonTokenType.StartArray:
                var array = new JsonArray();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    array.Add(ReadValue(ref reader, duplicates is null ? "" : $"{path}[{array.Count}]", duplicates));
                }

                return array;
            default:
                var result = new JsonObject();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var name = Text(ref reader);
                    var inner = duplicates is null ? "" : path.Length == 0 ? name : $"{path}.{name}";
                    reader.Read();
                    var value = ReadValue(ref reader, inner, duplicates);
                    if (!result.TryAdd(name, value))
                    {
                        duplicates?.Add(inner);
                        result[name] = value;
                    }
                }

                return result;
        }
    }

    private static string Text(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException wrong)
        {
            throw new JsonException("A string is not valid UTF-8, or has half a surrogate pair.", wrong);
        }
    }
}
