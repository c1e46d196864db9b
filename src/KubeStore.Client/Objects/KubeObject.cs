using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace KubeStore.Objects;

/// <summary>
/// An object as it is kept: the bytes of its JSON, the revision it was written at, and of its metadata what everything
/// asks for. It is never changed.
/// </summary>
/// <remarks>
/// The bytes have no <c>resourceVersion</c>, because it is known only when they have been written. It is put in where they
/// are handed out; nothing is parsed for that, since <see cref="Encode"/> always begins the same way:
/// <code>{"kind":"K","apiVersion":"V","metadata":{…},…}</code>
/// </remarks>
public sealed class KubeObject
{
    private static readonly FrozenDictionary<string, string> NoLabels = FrozenDictionary<string, string>.Empty;

    // Where "metadata" begins (with its quote), and where the inside of its braces does.
    private readonly int _metadataName;
    private readonly int _metadataBody;

    // What it looks like in another version, or by a schema that gives it defaults, is worked out once.
    private Tuple<object, KubeObject>? _presented;

    private KubeObject(ReadOnlyMemory<byte> json, long revision, int metadataName, int metadataBody, MetadataScan scan)
    {
        Json = json;
        Revision = revision;
        _metadataName = metadataName;
        _metadataBody = metadataBody;
        Kind = scan.Kind;
        ApiVersion = scan.ApiVersion;
        Name = scan.Name;
        Namespace = scan.Namespace;
        Uid = scan.Uid;
        Labels = scan.Labels ?? (IReadOnlyDictionary<string, string>)NoLabels;
    }

    /// <summary>Its JSON, without a resource version.</summary>
    public ReadOnlyMemory<byte> Json { get; }

    /// <summary>The store's revision of its last change, which is its resource version.</summary>
    public long Revision { get; }

    public string Kind { get; }

    public string ApiVersion { get; }

    public string Name { get; }

    /// <summary>Empty if its kind has no namespaces.</summary>
    public string Namespace { get; }

    public string Uid { get; }

    public IReadOnlyDictionary<string, string> Labels { get; }

    /// <summary>The revision as clients see it.</summary>
    public string ResourceVersion => Revision.ToString(CultureInfo.InvariantCulture);

    /// <summary>From bytes that <see cref="Encode"/> made.</summary>
    /// <exception cref="JsonException">They are no object.</exception>
    public static KubeObject Read(ReadOnlyMemory<byte> json, long revision)
    {
        var scan = MetadataScan.Of(json.Span);
        return scan.MetadataBody > 0
            ? new(json, revision, scan.MetadataName, scan.MetadataBody, scan)
            : throw new JsonException("The object has no metadata.");
    }

    /// <summary>The bytes that an object is kept as: type first, then metadata, no resource version.</summary>
    public static byte[] Encode(JsonObject value)
    {
        var output = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(output, new JsonWriterOptions
        {
            Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            SkipValidation = true,
        }))
        {
            writer.WriteStartObject();
            writer.WriteString("kind", value.TextAt("kind"));
            writer.WriteString("apiVersion", value.TextAt("apiVersion"));
            writer.WriteStartObject("metadata");
            foreach (var (name, inner) in value.ObjectAt("metadata") ?? [])
            {
                if (name is not ("resourceVersion" or "selfLink"))
                {
                    writer.WritePropertyName(name);
                    JsonText.WriteValue(writer, inner);
                }
            }

            writer.WriteEndObject();
            foreach (var (name, inner) in value)
            {
                if (name is not ("kind" or "apiVersion" or "metadata"))
                {
                    writer.WritePropertyName(name);
                    JsonText.WriteValue(writer, inner);
                }
            }

            writer.WriteEndObject();
        }

        return output.WrittenSpan.ToArray();
    }

    /// <summary>A tree of its own, with the resource version, to look into or to change.</summary>
    public JsonObject ToJson()
    {
        var json = JsonText.ParseObject(Json.Span);
        if (Revision > 0)
        {
            json.Ensure("metadata")["resourceVersion"] = ResourceVersion;
        }

        return json;
    }

    internal KubeObject? PresentedAs(object definition) => _presented is { } known && ReferenceEquals(known.Item1, definition) ? known.Item2 : null;

    internal void Presented(object definition, KubeObject value) => _presented = new(definition, value);

    /// <summary>The same object as of another revision: what a deletion shows.</summary>
    public KubeObject At(long revision) => revision == Revision ? this : Read(Json, revision);

    /// <summary>Writes it out as clients get it: in another version, if one is given, and without its type, if it is an item
    /// of a list.</summary>
    public void WriteTo(IBufferWriter<byte> output, string? apiVersion = null, bool withType = true)
    {
        var json = Json.Span;
        if (!withType)
        {
            output.Write("{"u8);
            output.Write(json[_metadataName.._metadataBody]);
        }
        else if (apiVersion is null || apiVersion == ApiVersion)
        {
            output.Write(json[.._metadataBody]);
        }
        else
        {
            output.Write("{\"kind\":\""u8);
            output.Write(Encoding.UTF8.GetBytes(Kind));
            output.Write("\",\"apiVersion\":\""u8);
            output.Write(Encoding.UTF8.GetBytes(apiVersion));
            output.Write("\","u8);
            output.Write(json[_metadataName.._metadataBody]);
        }

        if (Revision == 0)
        {
            // Nobody has written it; there is no version to tell.
            output.Write(json[_metadataBody..]);
            return;
        }

        output.Write("\"resourceVersion\":\""u8);
        Span<byte> digits = stackalloc byte[20];
        System.Buffers.Text.Utf8Formatter.TryFormat(Revision, digits, out var count);
        output.Write(digits[..count]);
        output.Write("\""u8);
        if (json[_metadataBody] != (byte)'}')
        {
            output.Write(","u8);
        }

        output.Write(json[_metadataBody..]);
    }

    /// <summary>The value of a field as selectors compare it; empty if it has none.</summary>
    public string Field(string path) => path switch
    {
        "metadata.name" => Name,
        "metadata.namespace" => Namespace,
        _ => FieldScan.Find(Json.Span, path),
    };
}
