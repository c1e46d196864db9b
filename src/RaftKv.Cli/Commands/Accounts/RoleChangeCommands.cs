using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Cli.Commands.Accounts;

/// <summary><c>raftkv role add</c></summary>
internal sealed class RoleAddCommand()
    : ChangeCommand<AuthRoleAddRequest, AuthRoleAddResponse>("role add", "NAME", "Add a role, which may do nothing yet", 1, "role add command requires role name as its argument")
{
    protected override RpcMethod<AuthRoleAddRequest, AuthRoleAddResponse> Method => EtcdMethods.RoleAdd;

    protected override AuthRoleAddRequest Request(ParsedArguments arguments) => new() { Name = arguments[0] };

    protected override ResponseHeader HeaderOf(AuthRoleAddResponse response) => response.Header;

    protected override string Words(ParsedArguments arguments) => $"Role {arguments[0]} created";
}

/// <summary><c>raftkv role delete</c></summary>
internal sealed class RoleDeleteCommand()
    : ChangeCommand<AuthRoleDeleteRequest, AuthRoleDeleteResponse>("role delete", "NAME", "Remove a role, also from its users", 1, "role delete command requires role name as its argument")
{
    protected override RpcMethod<AuthRoleDeleteRequest, AuthRoleDeleteResponse> Method => EtcdMethods.RoleDelete;

    protected override AuthRoleDeleteRequest Request(ParsedArguments arguments) => new() { Role = arguments[0] };

    protected override ResponseHeader HeaderOf(AuthRoleDeleteResponse response) => response.Header;

    protected override string Words(ParsedArguments arguments) => $"Role {arguments[0]} deleted";
}
