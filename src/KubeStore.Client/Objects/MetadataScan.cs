using System.Text.Json;

namespace KubeStore.Objects;

/// <summary>Reads of an object's bytes only what is asked for all the time, and skips the rest.</summary>
internal ref struct MetadataScan
{
    public string Kind = "";
    public string ApiVersion = "";
    public string Name = "";
    public string Namespace = "";
    public string Uid = "";
    public Dictionary<string, string>? Labels;
    public int MetadataName;
    public int MetadataBody;

    private MetadataScan(bool _)
    {
    }

    public static MetadataScan Of(ReadOnlySpan<byte> json)
    {
        var scan = new MetadataScan(true);
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = JsonText.MaxDepth + 8 });
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("The document is no object.");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("metadata"u8))
            {
                scan.MetadataName = (int)reader.TokenStartIndex;
                reader.Read();
                scan.MetadataBody = (int)reader.BytesConsumed;
                scan.ReadMetadata(ref reader);

                // By the order in which objects are written, the type came before.
                return scan;
            }

            if (reader.ValueTextEquals("kind"u8))
            {
                reader.Read();
                scan.Kind = reader.GetString() ?? "";
            }
            else if (reader.ValueTextEquals("apiVersion"u8))
            {
                reader.Read();
                scan.ApiVersion = reader.GetString() ?? "";
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        return scan;
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("name"u8))
            {
                Name = NextText(ref reader);
            }
            else if (reader.ValueTextEquals("namespace"u8))
            {
                Namespace = NextText(ref reader);
            }
            else if (reader.ValueTextEquals("uid"u8))
            {
                Uid = NextText(ref reader);
            }
            else if (reader.ValueTextEquals("labels"u8))
            {
                reader.Read();
                ReadLabels(ref reader);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }
    }

    private void ReadLabels(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            // The same few labels are on thousands of objects, so their strings are shared.
            var key = string.Intern(reader.GetString()!);
            (Labels ??= new(StringComparer.Ordinal))[key] = NextText(ref reader);
        }
    }

    private static string NextText(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
        {
            return reader.GetString()!;
        }

        reader.Skip();
        return "";
    }
}

/// <summary>Finds one field in an object's bytes.</summary>
internal static class FieldScan
{
    /// <summary>A scalar as text; empty if the path leads nowhere, or to something that is no scalar.</summary>
    public static string Find(ReadOnlySpan<byte> json, string path)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = JsonText.MaxDepth + 8 });
        reader.Read();
        foreach (var segment in path.Split('.'))
        {
            if (reader.TokenType != JsonTokenType.StartObject || !TryEnter(ref reader, segment))
            {
                return "";
            }
        }

        return reader.TokenType switch
        {
            JsonTokenType.String => reader.GetString()!,
            JsonTokenType.Number => System.Text.Encoding.UTF8.GetString(reader.ValueSpan),
            JsonTokenType.True => "true",
            JsonTokenType.False => "false",
            _ => "",
        };
    }

    private static bool TryEnter(ref Utf8JsonReader reader, string name)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isIt = reader.ValueTextEquals(name);
            reader.Read();
            if (isIt)
            {
                return true;
            }

            reader.Skip();
        }

        return false;
    }
}
