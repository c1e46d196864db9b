using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Server.Passwords;
using RaftKv.Server.Replica;
using RaftKv.Server.Tokens;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using Permission = RaftKv.Storage.State.Permission;

namespace RaftKv.Server.Api;

/// <summary>
/// etcdserverpb.Auth: users, roles, and whether anybody has to be somebody. Users and roles may be set up while that is
/// off, by everybody.
/// </summary>
/// <remarks>A password is hashed here and goes no further: not into the log, of either kind.</remarks>
internal sealed class AuthService : IDisposable
{
    private readonly IMember _member;
    private readonly Proposals _proposals;
    private readonly bool _canBeEnabled;
    private readonly ITokens? _tokens;
    private readonly PasswordHashes _hashes;

    /// <param name="member">Whose users and roles these are.</param>
    /// <param name="options">How dear a password is to guess.</param>
    /// <param name="proposals">Know the callers.</param>
    /// <param name="canBeEnabled">Whether there is a way to prove who one is. If there is none, enabling would lock
    /// everybody out, for ever.</param>
    /// <param name="tokens">Null where nobody is given one.</param>
    public AuthService(IMember member, ApiOptions options, Proposals proposals, bool canBeEnabled, ITokens? tokens)
    {
        _member = member;
        _proposals = proposals;
        _canBeEnabled = canBeEnabled;
        _tokens = tokens;
        _hashes = new PasswordHashes(options.PasswordCost);
        Service = new RpcService(RpcReflection.Descriptor.Services.Single(service => service.Name == "Auth"))
            .Unary("AuthEnable", Refusals.Told<AuthEnableRequest, AuthEnableResponse>(EnableAsync))
            .Unary("AuthDisable", Refusals.Told<AuthDisableRequest, AuthDisableResponse>(async (_, call) => new()
            {
                Header = await ApplyAsync(caller => new AuthDisableCommand(caller), call).ConfigureAwait(false),
            }))
            .Unary("AuthStatus", Refusals.Told<AuthStatusRequest, AuthStatusResponse>(StatusAsync))
            .Unary("Authenticate", Refusals.Told<AuthenticateRequest, AuthenticateResponse>(AuthenticateAsync))
            .Unary("UserAdd", Refusals.Told<AuthUserAddRequest, AuthUserAddResponse>(AddUserAsync))
            .Unary("UserGet", Refusals.Told<AuthUserGetRequest, AuthUserGetResponse>(GetUserAsync))
            .Unary("UserList", Refusals.Told<AuthUserListRequest, AuthUserListResponse>(ListUsersAsync))
            .Unary("UserDelete", Refusals.Told<AuthUserDeleteRequest, AuthUserDeleteResponse>(async (request, call) => new()
            {
                Header = await ApplyAsync(caller => new UserDeleteCommand(caller, request.Name), call).ConfigureAwait(false),
            }))
            .Unary("UserChangePassword", Refusals.Told<AuthUserChangePasswordRequest, AuthUserChangePasswordResponse>(ChangePasswordAsync))
            .Unary("UserGrantRole", Refusals.Told<AuthUserGrantRoleRequest, AuthUserGrantRoleResponse>(async (request, call) => new()
            {
                Header = await ApplyAsync(caller => new UserGrantRoleCommand(caller, request.User, request.Role), call).ConfigureAwait(false),
            }))
            .Unary("UserRevokeRole", Refusals.Told<AuthUserRevokeRoleRequest, AuthUserRevokeRoleResponse>(async (request, call) => new()
            {
                Header = await ApplyAsync(caller => new UserRevokeRoleCommand(caller, request.Name, request.Role), call).ConfigureAwait(false),
            }))
            .Unary("RoleAdd", Refusals.Told<AuthRoleAddRequest, AuthRoleAddResponse>(async (request, call) => new()
            {
                Header = await ApplyAsync(caller => new RoleAddCommand(caller, request.Name), call).ConfigureAwait(false),
            }))
            .Unary("RoleGet", Refusals.Told<AuthRoleGetRequest, AuthRoleGetResponse>(GetRoleAsync))
            .Unary("RoleList", Refusals.Told<AuthRoleListRequest, AuthRoleListResponse>(ListRolesAsync))
            .Unary("RoleDelete", Refusals.Told<AuthRoleDeleteRequest, AuthRoleDeleteResponse>(async (request, call) => new()
            {
                Header = await ApplyAsync(caller => new RoleDeleteCommand(caller, request.Role), call).ConfigureAwait(false),
            }))
            .Unary("RoleGrantPermission", Refusals.Told<AuthRoleGrantPermissionRequest, AuthRoleGrantPermissionResponse>(
                async (request, call) => new()
                {
                    Header = await ApplyAsync(
                        caller => new RoleGrantPermissionCommand(caller, request.Name, Read(request.Perm)), call).ConfigureAwait(false),
                }))
            .Unary("RoleRevokePermission", Refusals.Told<AuthRoleRevokePermissionRequest, AuthRoleRevokePermissionResponse>(
                async (request, call) => new()
                {
                    Header = await ApplyAsync(
                        caller => new RoleRevokePermissionCommand(caller, request.Role, request.Key.Memory, request.RangeEnd.Memory), call)
                        .ConfigureAwait(false),
                }));
    }

    public RpcService Service { get; }

    public void Dispose() => _hashes.Dispose();

    private async ValueTask<AuthEnableResponse> EnableAsync(AuthEnableRequest request, RpcServerCall call)
    {
        if (!_canBeEnabled)
        {
            await _member.WaitUntilCurrentAsync(call.CancellationToken).ConfigureAwait(false);
            Proposals.Require(_member.Auth.CheckEnable());
            throw new RpcException(ApiErrors.NoTokens);
        }

        // Once it is on this changes nothing, and yet is root's.
        if (_member.Auth.IsEnabled)
        {
            await AuthForRootAsync(call).ConfigureAwait(false);
        }

        return new() { Header = await ApplyAsync(_ => default(AuthEnableCommand), call).ConfigureAwait(false) };
    }

    private async ValueTask<AuthStatusResponse> StatusAsync(AuthStatusRequest request, RpcServerCall call)
    {
        var auth = await AuthForRootAsync(call).ConfigureAwait(false);
        return new() { Header = ResponseHeaders.Of(_member), Enabled = auth.IsEnabled, AuthRevision = (ulong)auth.Revision };
    }

    private async ValueTask<AuthenticateResponse> AuthenticateAsync(AuthenticateRequest request, RpcServerCall call)
    {
        await _member.WaitUntilCurrentAsync(call.CancellationToken).ConfigureAwait(false);
        while (true)
        {
            var auth = _member.Auth;
            var error = auth.FindForPassword(request.Name, out var user);
            if (error is not (StateError.None or StateError.AuthFailed))
            {
                throw new RpcException(ApiErrors.Of(error));
            }

            if (!await _hashes.IsRightAsync(request.Password, user?.PasswordHash, call.CancellationToken).ConfigureAwait(false))
            {
                throw new RpcException(ApiErrors.Of(StateError.AuthFailed));
            }

            if (_tokens is null)
            {
                throw new RpcException(ApiErrors.NoTokens);
            }

            if (await _tokens.IssueAsync(request.Name, auth.Revision, call.CancellationToken).ConfigureAwait(false) is { } token)
            {
                return new() { Header = ResponseHeaders.Of(_member), Token = token };
            }
        }
    }

    private async ValueTask<AuthUserAddResponse> AddUserAsync(AuthUserAddRequest request, RpcServerCall call)
    {
        var hasNoPassword = request.Options is { NoPassword: true };
        var hash = hasNoPassword ? [] : await HashAsync(request.Password, call).ConfigureAwait(false);
        return new()
        {
            Header = await ApplyAsync(caller => new UserAddCommand(caller, request.Name, hash, hasNoPassword), call).ConfigureAwait(false),
        };
    }

    private async ValueTask<AuthUserChangePasswordResponse> ChangePasswordAsync(AuthUserChangePasswordRequest request, RpcServerCall call)
    {
        var hash = await HashAsync(request.Password, call).ConfigureAwait(false);
        return new()
        {
            Header = await ApplyAsync(caller => new UserChangePasswordCommand(caller, request.Name, hash), call).ConfigureAwait(false),
        };
    }

    private async ValueTask<AuthUserGetResponse> GetUserAsync(AuthUserGetRequest request, RpcServerCall call)
    {
        var (auth, caller) = await AuthAsync(call).ConfigureAwait(false);
        if (auth.IsEnabled && (caller.IsNobody || caller.User != request.Name))
        {
            Proposals.Require(auth.CheckRoot(caller));
        }

        var user = auth.FindUser(request.Name) ?? throw new RpcException(ApiErrors.Of(StateError.UserNotFound));
        return new() { Header = ResponseHeaders.Of(_member), Roles = { user.Roles } };
    }

    private async ValueTask<AuthUserListResponse> ListUsersAsync(AuthUserListRequest request, RpcServerCall call)
    {
        var auth = await AuthForRootAsync(call).ConfigureAwait(false);
        return new() { Header = ResponseHeaders.Of(_member), Users = { auth.Users.Select(user => user.Name) } };
    }

    private async ValueTask<AuthRoleGetResponse> GetRoleAsync(AuthRoleGetRequest request, RpcServerCall call)
    {
        var (auth, caller) = await AuthAsync(call).ConfigureAwait(false);
        if (auth.IsEnabled && (caller.IsNobody || auth.FindUser(caller.User)?.Roles.Contains(request.Role) != true))
        {
            Proposals.Require(auth.CheckRoot(caller));
        }

        var permissions = auth.PermissionsOf(request.Role) ?? throw new RpcException(ApiErrors.Of(StateError.RoleNotFound));
        return new() { Header = ResponseHeaders.Of(_member), Perm = { permissions.Select(Write) } };
    }

    private async ValueTask<AuthRoleListResponse> ListRolesAsync(AuthRoleListRequest request, RpcServerCall call)
    {
        var auth = await AuthForRootAsync(call).ConfigureAwait(false);
        return new() { Header = ResponseHeaders.Of(_member), Roles = { auth.Roles.Select(role => role.Name) } };
    }

    private async ValueTask<ResponseHeader> ApplyAsync<T>(Func<Caller, T> command, RpcServerCall call)
        where T : IStateCommand<T>
    {
        var caller = await _proposals.CallerAsync(call).ConfigureAwait(false);
        var answer = await _proposals.ProposeAsync(command(caller), caller, call.CancellationToken).ConfigureAwait(false);
        Proposals.Require(answer.Error);
        return ResponseHeaders.Of(_member, answer.Revision);
    }

    // Hashing is dear. Once not everybody may, it is not done for those who may not.
    private async ValueTask<byte[]> HashAsync(string password, RpcServerCall call)
    {
        if (!PasswordHashes.Fits(password))
        {
            throw new RpcException(ApiErrors.PasswordTooLong);
        }

        if (_member.Auth.IsEnabled)
        {
            await AuthForRootAsync(call).ConfigureAwait(false);
        }

        return await _hashes.HashAsync(password, call.CancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<(AuthView Auth, Caller Caller)> AuthAsync(RpcServerCall call)
    {
        await _member.WaitUntilCurrentAsync(call.CancellationToken).ConfigureAwait(false);
        var caller = await _proposals.CallerAsync(call).ConfigureAwait(false);
        return (_member.Auth, caller);
    }

    private async ValueTask<AuthView> AuthForRootAsync(RpcServerCall call)
    {
        var (auth, caller) = await AuthAsync(call).ConfigureAwait(false);
        Proposals.Require(auth.CheckRoot(caller));
        return auth;
    }

    private static Permission? Read(Protocol.Auth.Permission? permission)
        => permission is null ? null : new((PermissionKind)permission.PermType, permission.Key.Memory, permission.RangeEnd.Memory);

    private static Protocol.Auth.Permission Write(Permission permission)
        => new()
        {
            PermType = (Protocol.Auth.Permission.Types.Type)permission.Kind,
            Key = UnsafeByteOperations.UnsafeWrap(permission.Key),
            RangeEnd = UnsafeByteOperations.UnsafeWrap(permission.RangeEnd),
        };
}
