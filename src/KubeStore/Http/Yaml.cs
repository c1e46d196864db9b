using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeStore.Objects;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace KubeStore.Http;

/// <summary>YAML as a way to write JSON.</summary>
internal sealed class Yaml
{
    // What aliases may multiply a document to.
    private const int MaxNodes = 500_000;

    private readonly Parser _parser;
    private readonly List<string> _duplicates;
    private readonly Dictionary<AnchorName, JsonNode?> _anchors = [];
    private int _nodes;

    private Yaml(TextReader text, List<string> duplicates)
    {
        _parser = new(text);
        _duplicates = duplicates;
    }

    /// <summary>Reads the first document.</summary>
    /// <exception cref="JsonException">It is none; the message says where.</exception>
    public static JsonNode? Read(ReadOnlySpan<byte> yaml, List<string> duplicates)
    {
        try
        {
            var reader = new Yaml(new StringReader(new UTF8Encoding(false, true).GetString(yaml)), duplicates);
            reader._parser.Consume<StreamStart>();
            return reader._parser.Accept<StreamEnd>(out _) ? null : reader.Document();
        }
        catch (Exception wrong) when (wrong is YamlException or ArgumentException)
        {
            var line = wrong is YamlException { Start.Line: var at } ? string.Create(CultureInfo.InvariantCulture, $"line {at}: ") : "";
            throw new JsonException($"error converting YAML to JSON: yaml: {line}{wrong.Message}", wrong);
        }
    }

    public static byte[] Write(JsonNode? value)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture);
        var emitter = new Emitter(text);
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        Emit(emitter, value);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private JsonNode? Document()
    {
        _parser.Consume<DocumentStart>();
        return Node("", 0);
    }

    private JsonNode? Node(string path, int depth)
    {
        if (++_nodes > MaxNodes)
        {
            throw new YamlException("the document contains excessive aliasing");
        }

        if (depth > JsonText.MaxDepth)
        {
            throw new YamlException("the document nests too deep");
        }

        if (_parser.TryConsume<AnchorAlias>(out var alias))
        {
            var known = _anchors.TryGetValue(alias.Value, out var anchored)
                ? anchored
                : throw new YamlException(alias.Start, alias.End, $"unknown anchor '{alias.Value}' referenced");
            _nodes += Count(known);
            return known?.DeepClone();
        }

        var start = _parser.Current as NodeEvent;
        JsonNode? value = _parser.TryConsume<Scalar>(out var scalar) ? Resolve(scalar)
            : _parser.TryConsume<SequenceStart>(out _) ? (JsonNode)List(path, depth)
            : _parser.TryConsume<MappingStart>(out _) ? Map(path, depth)
            : throw new YamlException("something else than a value");
        if (start is { Anchor.IsEmpty: false })
        {
            _anchors[start.Anchor] = value;
        }

        return value;
    }

    private JsonArray List(string path, int depth)
    {
        var list = new JsonArray();
        while (!_parser.TryConsume<SequenceEnd>(out _))
        {
            list.Add(Node($"{path}[{list.Count}]", depth + 1));
        }

        return list;
    }

    private JsonObject Map(string path, int depth)
    {
        var map = new JsonObject();
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var at = _parser.Current!;
            var key = Node(path, depth + 1) switch
            {
                null => "null",
                JsonValue scalar => ((JsonNode)scalar).Shown(),
                _ => throw new YamlException(at.Start, at.End, "a key must be a plain value"),
            };
            var inner = path.Length == 0 ? key : $"{path}.{key}";
            var value = Node(inner, depth + 1);
            if (key == "<<" && value is JsonObject merged)
            {
                foreach (var (name, one) in merged)
                {
                    map.TryAdd(name, one?.DeepClone());
                }
            }
            else if (!map.TryAdd(key, value))
            {
                _duplicates.Add(inner);
                map[key] = value;
            }
        }

        return map;
    }

    private static int Count(JsonNode? value) => 1 + (value switch
    {
        JsonObject map => map.Sum(one => Count(one.Value)),
        JsonArray list => list.Sum(Count),
        _ => 0,
    });

    private static JsonValue? Resolve(Scalar scalar)
    {
        var text = scalar.Value;
        if (scalar.Style != ScalarStyle.Plain || scalar.Tag == "tag:yaml.org,2002:str")
        {
            return JsonValue.Create(text);
        }

        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return null;
            case "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON":
                return JsonValue.Create(true);
            case "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF":
                return JsonValue.Create(false);
        }

        var digits = text.AsSpan(text[0] is '+' or '-' ? 1 : 0);
        if (digits.Length == 0 || !(char.IsAsciiDigit(digits[0]) || digits[0] == '.'))
        {
            return JsonValue.Create(text);
        }

        var plain = text.Replace("_", "", StringComparison.Ordinal);
        if (long.TryParse(plain, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
        {
            // A leading zero says that the digits are octal, as in file modes.
            return digits.Length > 1 && digits[0] == '0' && digits.IndexOfAnyExceptInRange('0', '7') < 0
                ? JsonValue.Create(Math.Sign(whole) * Convert.ToInt64(plain.TrimStart('+', '-'), 8))
                : JsonValue.Create(whole);
        }

        foreach (var (prefix, radix) in ((string, int)[])[("0x", 16), ("0o", 8), ("0b", 2)])
        {
            if (plain.StartsWith(prefix, StringComparison.Ordinal))
            {
                try
                {
                    return JsonValue.Create(Convert.ToInt64(plain[2..], radix));
                }
                catch (Exception wrong) when (wrong is FormatException or OverflowException or ArgumentException)
                {
                    return JsonValue.Create(text);
                }
            }
        }

        return double.TryParse(plain, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? JsonValue.Create(number)
            : JsonValue.Create(text);
    }

    private static void Emit(Emitter emitter, JsonNode? value)
    {
        switch (value)
        {
            case JsonObject map:
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, isImplicit: true, map.Count == 0 ? MappingStyle.Flow : MappingStyle.Block));
                foreach (var (name, inner) in map)
                {
                    EmitText(emitter, name);
                    Emit(emitter, inner);
                }

                emitter.Emit(new MappingEnd());
                break;
            case JsonArray list:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, list.Count == 0 ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (var inner in list)
                {
                    Emit(emitter, inner);
                }

                emitter.Emit(new SequenceEnd());
                break;
            case not null when value.AsText() is { } text:
                EmitText(emitter, text);
                break;
            default:
                emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, value?.ToJsonString() ?? "null", ScalarStyle.Plain, isPlainImplicit: true, isQuotedImplicit: false));
                break;
        }
    }

    // A text that would be read as something else is quoted.
    private static void EmitText(Emitter emitter, string text)
    {
        var isAmbiguous = text.Length == 0 || Resolve(new Scalar(AnchorName.Empty, TagName.Empty, text, ScalarStyle.Plain, isPlainImplicit: true, isQuotedImplicit: false)).AsText() is null;
        var style = isAmbiguous ? ScalarStyle.DoubleQuoted : text.Contains('\n', StringComparison.Ordinal) ? ScalarStyle.Literal : ScalarStyle.Any;
        emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, text, style, isPlainImplicit: !isAmbiguous, isQuotedImplicit: true));
    }
}
