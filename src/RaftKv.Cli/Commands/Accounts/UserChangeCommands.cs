using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Cli.Commands.Accounts;

/// <summary><c>raftkv user delete</c></summary>
internal sealed class UserDeleteCommand()
    : ChangeCommand<AuthUserDeleteRequest, AuthUserDeleteResponse>("user delete", "NAME", "Remove a user", 1, "user delete command requires user name as its argument")
{
    protected override RpcMethod<AuthUserDeleteRequest, AuthUserDeleteResponse> Method => EtcdMethods.UserDelete;

    protected override AuthUserDeleteRequest Request(ParsedArguments arguments) => new() { Name = arguments[0] };

    protected override ResponseHeader HeaderOf(AuthUserDeleteResponse response) => response.Header;

    protected override string Words(ParsedArguments arguments) => $"User {arguments[0]} deleted";
}

/// <summary><c>raftkv user grant-role</c></summary>
internal sealed class UserGrantRoleCommand()
    : ChangeCommand<AuthUserGrantRoleRequest, AuthUserGrantRoleResponse>("user grant-role", "NAME ROLE", "Give a user the rights of a role", 2, "user grant command requires user name and role name as its argument")
{
    protected override RpcMethod<AuthUserGrantRoleRequest, AuthUserGrantRoleResponse> Method => EtcdMethods.UserGrantRole;

    protected override AuthUserGrantRoleRequest Request(ParsedArguments arguments) => new() { User = arguments[0], Role = arguments[1] };

    protected override ResponseHeader HeaderOf(AuthUserGrantRoleResponse response) => response.Header;

    protected override string Words(ParsedArguments arguments) => $"Role {arguments[1]} is granted to user {arguments[0]}";
}

/// <summary><c>raftkv user revoke-role</c></summary>
internal sealed class UserRevokeRoleCommand()
    : ChangeCommand<AuthUserRevokeRoleRequest, AuthUserRevokeRoleResponse>("user revoke-role", "NAME ROLE", "Take the rights of a role from a user", 2, "user revoke-role requires user name and role name as its argument")
{
    protected override RpcMethod<AuthUserRevokeRoleRequest, AuthUserRevokeRoleResponse> Method => EtcdMethods.UserRevokeRole;

    protected override AuthUserRevokeRoleRequest Request(ParsedArguments arguments) => new() { Name = arguments[0], Role = arguments[1] };

    protected override ResponseHeader HeaderOf(AuthUserRevokeRoleResponse response) => response.Header;

    protected override string Words(ParsedArguments arguments) => $"Role {arguments[1]} is revoked from user {arguments[0]}";
}
