using System.Runtime.CompilerServices;
using System.Text;
using Google.Protobuf.Reflection;

namespace RaftKv.Protocol.Tests;

/// <summary>Pins every file, message, field, enum value and method of protos/ as text, so that any change of the
/// wire shows up as a line of a diff. RAFTKV_REWRITE=1 rewrites the file.</summary>
public sealed class DescriptorGoldenTests
{
    [Fact]
    public void The_wire_is_what_descriptors_txt_says()
    {
        var described = string.Join('\n', WireFacts.Files.Select(Describe));
        var path = GoldenPath();
        if (Environment.GetEnvironmentVariable("RAFTKV_REWRITE") == "1")
        {
            File.WriteAllText(path, described);
        }

        Assert.Equal(File.ReadAllText(path), described);
    }

    private static string Describe(FileDescriptor file)
    {
        var text = new StringBuilder();
        var proto = file.ToProto();
        Line(text, $"file {file.Name}");
        Line(text, $"  package {file.Package}, {proto.Syntax}, in C# {proto.Options.CsharpNamespace}");
        foreach (var dependency in file.Dependencies)
        {
            Line(text, $"  imports {dependency.Name}");
        }

        foreach (var service in file.Services)
        {
            Describe(text, service);
        }

        foreach (var message in WireFacts.MessagesOf(file))
        {
            Describe(text, message);
        }

        foreach (var type in WireFacts.EnumsOf(file))
        {
            Describe(text, type);
        }

        return text.ToString();
    }

    private static void Describe(StringBuilder text, ServiceDescriptor service)
    {
        Line(text, $"\nservice {service.FullName}");
        foreach (var method in service.Methods)
        {
            var shape = WireFacts.ShapeOf(method);
            Line(text, $"  {method.Name} {shape}: {method.InputType.FullName} -> {method.OutputType.FullName}");
        }
    }

    private static void Describe(StringBuilder text, MessageDescriptor message)
    {
        Line(text, $"\nmessage {message.FullName}");
        foreach (var field in message.Fields.InFieldNumberOrder())
        {
            var label = WireFacts.LabelOf(field) is var word and not "single" ? word + " " : "";
            var packed = field.IsRepeated && IsNumber(field.FieldType) && field.IsPacked ? " packed" : "";
            var oneof = field.RealContainingOneof is { } choice ? $" in {choice.Name}" : "";
            Line(text, $"  {field.FieldNumber} {label}{WireFacts.TypeOf(field)} {field.Name}{packed}{oneof}");
        }

        var proto = message.ToProto();
        foreach (var range in proto.ReservedRange)
        {
            Line(text, $"  reserved {range.Start} to {range.End - 1}");
        }

        foreach (var name in proto.ReservedName)
        {
            Line(text, $"  reserved {name}");
        }
    }

    private static void Describe(StringBuilder text, EnumDescriptor type)
    {
        Line(text, $"\nenum {type.FullName}");
        foreach (var value in type.Values)
        {
            Line(text, $"  {value.Number} {value.Name}");
        }
    }

    // The descriptor also calls strings and messages packed, which cannot be.
    private static bool IsNumber(FieldType type)
        => type is not (FieldType.String or FieldType.Bytes or FieldType.Message);

    // Not AppendLine: the file is the same bytes on every system.
    private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');

    // The file beside this source, not a copy of it in the output folder: rewriting must reach the tree.
    private static string GoldenPath([CallerFilePath] string here = "")
        => Path.Combine(Path.GetDirectoryName(here)!, "descriptors.txt");
}
