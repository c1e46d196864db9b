using Google.Protobuf.Reflection;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Protocol.Tests;

/// <summary>What the compiled descriptors say, found through the assembly rather than through a list of names:
/// a file added to protos/ is described without anybody remembering it here.</summary>
internal static class WireFacts
{
    public static IReadOnlyList<FileDescriptor> Files { get; } =
    [
        .. typeof(RangeRequest).Assembly.GetTypes()
            .Select(type => type.GetProperty("Descriptor")?.GetMethod)
            .Where(getter => getter is { IsStatic: true } && getter.ReturnType == typeof(FileDescriptor))
            .Select(getter => (FileDescriptor)getter!.Invoke(null, null)!)
            .OrderBy(file => file.Name, StringComparer.Ordinal),
    ];

    public static IEnumerable<MessageDescriptor> MessagesOf(FileDescriptor file)
        => file.MessageTypes.SelectMany(SelfAndNested);

    public static IEnumerable<EnumDescriptor> EnumsOf(FileDescriptor file)
        => file.EnumTypes.Concat(MessagesOf(file).SelectMany(message => message.EnumTypes));

    /// <summary>The type as a .proto names it, with its package: <c>int64</c>, <c>mvccpb.KeyValue</c>.</summary>
    public static string TypeOf(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message => field.MessageType.FullName,
        FieldType.Enum => field.EnumType.FullName,
        FieldType.Group => throw new NotSupportedException($"{field.FullName} is a group; proto3 has none."),
        var scalar => scalar.ToString().ToLowerInvariant(),
    };

    public static string LabelOf(FieldDescriptor field)
        => field.IsRepeated ? "repeated" : field.ToProto().Proto3Optional ? "optional" : "single";

    public static string ShapeOf(MethodDescriptor method) => (method.IsClientStreaming, method.IsServerStreaming) switch
    {
        (false, false) => "unary",
        (true, false) => "client-stream",
        (false, true) => "server-stream",
        (true, true) => "duplex",
    };

    private static IEnumerable<MessageDescriptor> SelfAndNested(MessageDescriptor message)
        => message.NestedTypes.SelectMany(SelfAndNested).Prepend(message);
}
