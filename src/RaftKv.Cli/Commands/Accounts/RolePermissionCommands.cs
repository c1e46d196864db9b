using Google.Protobuf;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;
using Permission = RaftKv.Protocol.Auth.Permission;

namespace RaftKv.Cli.Commands.Accounts;

/// <summary><c>raftkv role grant-permission</c></summary>
internal sealed class RoleGrantPermissionCommand()
    : ClientCommand("role grant-permission", "ROLE read|write|readwrite KEY [END]", "Let a role read or write keys")
{
    private PermissionRange _range = null!;

    public override void AddFlags(FlagSet flags) => _range = new PermissionRange(flags);

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count < 3)
        {
            throw CommandFailure.BadArguments("role grant command requires role name, permission type, and key [endkey] as its argument");
        }

        Request(arguments);
        ExtraArguments.Warn(session.Console, Name, arguments, 4, "a role, a kind of permission, a key and a range's end");
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var response = await session.Cluster.CallAsync(EtcdMethods.RoleGrantPermission, Request(arguments), stop);
        session.Printer.Changed(response, response.Header, $"Role {arguments[0]} updated");
        return ExitCode.Success;
    }

    private AuthRoleGrantPermissionRequest Request(ParsedArguments arguments)
    {
        var (key, end) = _range.Of(arguments[2], arguments.Count > 3 ? arguments[3] : null);
        return new()
        {
            Name = arguments[0],
            Perm = new Permission { PermType = TypeOf(arguments[1]), Key = key, RangeEnd = end },
        };
    }

    private static Permission.Types.Type TypeOf(string text) => text.ToUpperInvariant() switch
    {
        "READ" => Permission.Types.Type.Read,
        "WRITE" => Permission.Types.Type.Write,
        "READWRITE" => Permission.Types.Type.Readwrite,
        _ => throw CommandFailure.BadArguments($"invalid permission type: {text} (it is read, write or readwrite)"),
    };
}

/// <summary><c>raftkv role revoke-permission</c></summary>
internal sealed class RoleRevokePermissionCommand()
    : ClientCommand("role revoke-permission", "ROLE KEY [END]", "Take a permission from a role, exactly as it was granted")
{
    private static readonly ByteString OpenEnd = ByteString.CopyFrom(0);
    private PermissionRange _range = null!;

    public override void AddFlags(FlagSet flags) => _range = new PermissionRange(flags);

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count < 2)
        {
            throw CommandFailure.BadArguments("role revoke-permission command requires role name and key [endkey] as its argument");
        }

        Request(arguments);
        ExtraArguments.Warn(session.Console, Name, arguments, 3, "a role, a key and a range's end");
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var request = Request(arguments);
        var response = await session.Cluster.CallAsync(EtcdMethods.RoleRevokePermission, request, stop);
        var key = ByteText.Decode(request.Key.Span);
        var what = request.RangeEnd.IsEmpty ? $"key {key}"
            : request.RangeEnd == OpenEnd ? $"range [{key}, <open ended>"
            : $"range [{key}, {ByteText.Decode(request.RangeEnd.Span)})";
        session.Printer.Changed(response, response.Header, $"Permission of {what} is revoked from role {arguments[0]}");
        return ExitCode.Success;
    }

    private AuthRoleRevokePermissionRequest Request(ParsedArguments arguments)
    {
        var (key, end) = _range.Of(arguments[1], arguments.Count > 2 ? arguments[2] : null);
        return new() { Role = arguments[0], Key = key, RangeEnd = end };
    }
}
