using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using KubeStore.Objects;
using KubeStore.Schema;

namespace KubeStore.Proto;

/// <summary>
/// Bodies in Kubernetes' protobuf: four bytes that say so, an envelope with the type, and the object. They are read by the
/// table of types; no message of Kubernetes is compiled in.
/// </summary>
internal static class ProtobufBody
{
    public const string MediaType = "application/vnd.kubernetes.protobuf";

    private static ReadOnlySpan<byte> Magic => "k8s\0"u8;

    /// <exception cref="JsonException">It is none, or of a type that is not in the table.</exception>
    public static JsonObject Read(ReadOnlySpan<byte> body)
    {
        if (!body.StartsWith(Magic))
        {
            throw new JsonException("provided data does not appear to be a protobuf message, expected prefix k8s\\0");
        }

        try
        {
            var envelope = ReadMessage(body[Magic.Length..].ToArray(), "runtime.Unknown", 0);
            var (version, kind) = (envelope.TextAt("typeMeta", "apiVersion"), envelope.TextAt("typeMeta", "kind"));
            var type = TypeName(version, kind) ?? throw new JsonException($"no kind \"{kind}\" is registered for version \"{version}\"");
            var value = ReadMessage(Convert.FromBase64String(envelope.TextAt("raw")), type, 0);
            value["apiVersion"] = version;
            value["kind"] = kind;
            return value;
        }
        catch (Exception broken) when (broken is InvalidProtocolBufferException or FormatException or InvalidOperationException)
        {
            throw new JsonException($"the body is no protobuf message of its type: {broken.Message}", broken);
        }
    }

    private static string? TypeName(string version, string kind)
    {
        var (group, number) = Resources.GroupVersion.Parse(version);
        if (TypeTable.BuiltIn.Find(new Resources.GroupVersionKind(group, number, kind)) is { } own)
        {
            return own.TypeName;
        }

        // Options are of the group they are sent to, and all the same.
        return TypeTable.BuiltIn.Find($"meta/v1.{kind}")?.TypeName;
    }

    private static JsonObject ReadMessage(byte[] bytes, string type, int depth)
    {
        if (depth > JsonText.MaxDepth)
        {
            throw new JsonException("the message nests too deep");
        }

        var fields = TypeTable.BuiltIn.Declared(type).ToDictionary(field => field.Number);
        var value = new JsonObject();
        var input = new CodedInputStream(bytes);
        uint tag;
        while ((tag = input.ReadTag()) != 0)
        {
            if (!fields.TryGetValue(WireFormat.GetTagFieldNumber(tag), out var field))
            {
                input.SkipLastField();
                continue;
            }

            Read(input, field, value, depth);
        }

        return value;
    }

    private static void Read(CodedInputStream input, FieldSchema field, JsonObject value, int depth)
    {
        if (field.IsInline)
        {
            foreach (var (name, inner) in ReadMessage(input.ReadBytes().ToByteArray(), field.Schema.TypeName, depth + 1).ToList())
            {
                value[name] = inner?.DeepClone();
            }

            return;
        }

        switch (field.Schema.Kind)
        {
            case ValueKind.List when !ReferenceEquals(field.Schema, Scalars.Strings):
                if (!value.TryGetPropertyValue(field.Name, out var list) || list is not JsonArray)
                {
                    value[field.Name] = list = new JsonArray();
                }

                ((JsonArray)list!).Add(ReadValue(input, field.Schema.Element, depth));
                break;
            case ValueKind.Map:
                var (key, inner) = ReadEntry(input.ReadBytes().ToByteArray(), field.Schema.Element, depth);
                value.Ensure(field.Name)[key] = inner;
                break;
            default:
                value[field.Name] = ReadValue(input, field.Schema, depth);
                break;
        }
    }

    private static (string Key, JsonNode? Value) ReadEntry(byte[] bytes, ValueSchema element, int depth)
    {
        var input = new CodedInputStream(bytes);
        var key = "";
        JsonNode? value = element.Kind is ValueKind.String or ValueKind.Bytes ? "" : null;
        uint tag;
        while ((tag = input.ReadTag()) != 0)
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 1:
                    key = input.ReadString();
                    break;
                case 2:
                    value = ReadValue(input, element, depth);
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        return (key, value);
    }

    private static JsonNode? ReadValue(CodedInputStream input, ValueSchema schema, int depth)
    {
        switch (schema.Kind)
        {
            case ValueKind.String:
                return input.ReadString();
            case ValueKind.Bytes:
                return Convert.ToBase64String(input.ReadBytes().Span);
            case ValueKind.Boolean:
                return JsonValue.Create(input.ReadBool());
            case ValueKind.Int32 or ValueKind.Int64:
                return JsonValue.Create(input.ReadInt64());
            case ValueKind.Float:
                return JsonValue.Create(input.ReadDouble());
            case ValueKind.Struct:
                return ReadMessage(input.ReadBytes().ToByteArray(), schema.TypeName, depth + 1);
        }

        var (numbers, texts) = Parts(input.ReadBytes().ToByteArray());
        switch (schema.Kind)
        {
            case ValueKind.Time or ValueKind.MicroTime:
                if (numbers.Count == 0)
                {
                    return null;
                }

                var time = DateTimeOffset.FromUnixTimeSeconds(numbers.GetValueOrDefault(1)).AddTicks(numbers.GetValueOrDefault(2) / 100);
                return schema.Kind == ValueKind.Time ? KubeTime.Seconds(time) : KubeTime.Micro(time);
            case ValueKind.Quantity:
                return texts.Count > 0 ? texts[0].Text.ToStringUtf8() : "0";
            case ValueKind.IntOrString:
                return numbers.GetValueOrDefault(1) == 0
                    ? JsonValue.Create(numbers.GetValueOrDefault(2))
                    : JsonValue.Create(texts.FirstOrDefault(one => one.Number == 3).Text?.ToStringUtf8() ?? "");
            case ValueKind.Duration:
                return FormattableString.Invariant($"{numbers.GetValueOrDefault(1)}ns");
            case ValueKind.List:
                return JsonAccess.ToArray(texts.Select(one => one.Text.ToStringUtf8()));
            default:
                // JSON inside the message: it is what its one field holds.
                return texts.Count > 0 ? JsonText.Parse(texts[0].Text.Span) : null;
        }
    }

    private static (Dictionary<int, long> Numbers, List<(int Number, ByteString Text)> Texts) Parts(byte[] bytes)
    {
        var (numbers, texts) = (new Dictionary<int, long>(), new List<(int, ByteString)>());
        var input = new CodedInputStream(bytes);
        uint tag;
        while ((tag = input.ReadTag()) != 0)
        {
            switch (WireFormat.GetTagWireType(tag))
            {
                case WireFormat.WireType.Varint:
                    numbers[WireFormat.GetTagFieldNumber(tag)] = input.ReadInt64();
                    break;
                case WireFormat.WireType.LengthDelimited:
                    texts.Add((WireFormat.GetTagFieldNumber(tag), input.ReadBytes()));
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        return (numbers, texts);
    }
}
