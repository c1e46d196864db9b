using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using Permission = RaftKv.Protocol.Auth.Permission;

namespace RaftKv.Cli.Commands.Printing;

/// <summary>A role and what it may do, for eyes.</summary>
internal static class RolePrinter
{
    private static readonly ByteString OpenEnd = ByteString.CopyFrom(0);

    public static void Print(string name, AuthRoleGetResponse response, AnswerWriter output)
    {
        output.Line($"Role {name}");
        Print("KV Read:", response, Permission.Types.Type.Read, output);
        Print("KV Write:", response, Permission.Types.Type.Write, output);
    }

    private static void Print(string title, AuthRoleGetResponse response, Permission.Types.Type type, AnswerWriter output)
    {
        output.Line(title);
        foreach (var permission in response.Perm.Where(one => one.PermType == type || one.PermType == Permission.Types.Type.Readwrite))
        {
            Print(permission, output);
        }
    }

    private static void Print(Permission permission, AnswerWriter output)
    {
        output.Text("\t");
        if (permission.RangeEnd.IsEmpty)
        {
            output.Bytes(permission.Key.Span).Line();
            return;
        }

        output.Text("[").Bytes(permission.Key.Span).Text(", ");
        if (permission.RangeEnd == OpenEnd)
        {
            output.Text("<open ended>");
        }
        else
        {
            output.Bytes(permission.RangeEnd.Span).Text(")");
        }

        if (!permission.Key.IsEmpty && KeyValues.KeyRange.EndOfPrefix(permission.Key.ToByteArray()) == permission.RangeEnd)
        {
            output.Text(" (prefix ").Bytes(permission.Key.Span).Text(")");
        }

        output.Line();
    }
}
