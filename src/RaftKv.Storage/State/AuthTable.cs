using System.Buffers;
using System.Collections.Immutable;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Storage.State;

/// <summary>
/// Applies what changes users and roles, and publishes what they are in <see cref="View"/>. Tokens and passwords are not
/// here: tokens live in a member's memory and by its clock, and a password arrives as a hash.
/// </summary>
/// <remarks>Each change that had an effect counts the auth revision up, whereby credentials that were looked at before
/// it are old. Changed by one thread; <see cref="View"/> may be read by any.</remarks>
public sealed class AuthTable
{
    private const byte Version = 1;

    private volatile AuthView _view;

    public AuthTable()
        : this(AuthView.Initial)
    {
    }

    private AuthTable(AuthView view) => _view = view;

    public AuthView View => _view;

    /// <summary>Users and roles as they were written down elsewhere.</summary>
    /// <exception cref="ArgumentException">Two have the same name.</exception>
    public static AuthTable Of(bool isEnabled, long revision, IEnumerable<AuthUser> users, IEnumerable<AuthRole> roles)
    {
        var usersByName = AuthView.Initial.UsersByName.ToBuilder();
        foreach (var user in users)
        {
            usersByName.Add(user.Name, user with { Roles = [.. user.Roles.Distinct().Order(ByteOrder.Instance)] });
        }

        var rolesByName = AuthView.Initial.RolesByName.ToBuilder();
        foreach (var role in roles)
        {
            rolesByName.Add(role.Name, role with { Permissions = [.. role.Permissions.Order().DistinctBy(one => (Convert.ToHexString(one.Key.Span), Convert.ToHexString(one.RangeEnd.Span)))] });
        }

        return new AuthTable(new AuthView(isEnabled, revision, usersByName.ToImmutable(), rolesByName.ToImmutable()));
    }

    /// <summary>Turning it on is no change of rights: the revision stays, and whoever was told it may go on.</summary>
    public StateError Apply(in AuthEnableCommand command)
    {
        _ = command;
        var error = _view.CheckEnable();
        if (error != StateError.None || _view.IsEnabled)
        {
            return error;
        }

        _view = new AuthView(isEnabled: true, _view.Revision, _view.UsersByName, _view.RolesByName);
        return StateError.None;
    }

    public StateError Apply(in AuthDisableCommand command)
    {
        var error = _view.CheckRoot(command.Caller);
        if (error != StateError.None || !_view.IsEnabled)
        {
            return error;
        }

        _view = new AuthView(isEnabled: false, _view.Revision + 1, _view.UsersByName, _view.RolesByName);
        return StateError.None;
    }

    /// <summary>Changes nothing here; says whether the token may be remembered.</summary>
    public StateError Apply(in AuthenticateCommand command)
    {
        var error = _view.FindForPassword(command.Name, out _);
        return error == StateError.None && command.CheckedRevision != _view.Revision
            ? StateError.AuthOldRevision
            : error;
    }

    public StateError Apply(in UserAddCommand command)
    {
        var error = _view.CheckRoot(command.Caller);
        if (error != StateError.None)
        {
            return error;
        }

        if (command.Name.Length == 0)
        {
            return StateError.UserEmpty;
        }

        if (_view.FindUser(command.Name) is not null)
        {
            return StateError.UserExists;
        }

        var hash = command.HasNoPassword ? default : command.PasswordHash;
        return Put(new AuthUser(command.Name, hash, command.HasNoPassword, []));
    }

    public StateError Apply(in UserDeleteCommand command)
    {
        var error = _view.CheckRoot(command.Caller);
        if (error != StateError.None)
        {
            return error;
        }

        if (_view.IsEnabled && command.Name == AuthUser.Root)
        {
            return StateError.InvalidAuthManagement;
        }

        return _view.FindUser(command.Name) is null
            ? StateError.UserNotFound
            : Change(_view.UsersByName.Remove(command.Name), _view.RolesByName);
    }

    public StateError Apply(in UserChangePasswordCommand command)
    {
        var error = _view.CheckRoot(command.Caller);
        if (error != StateError.None)
        {
            return error;
        }

        if (_view.FindUser(command.Name) is not { } user)
        {
            return StateError.UserNotFound;
        }

        // Who has no password is not given one this way.
        return Put(user.HasNoPassword ? user : user with { PasswordHash = command.PasswordHash });
    }

    public StateError Apply(in UserGrantRoleCommand command)
    {
        var error = _view.CheckRoot(command.Caller);
        if (error != StateError.None)
        {
            return error;
        }

        if (_view.FindUser(command.Name) is not { } user)
        {
            return StateError.UserNotFound;
        }

        // The role root may do everything without being written down anywhere.
        if (command.Role != AuthUser.Root && _view.FindRole(command.Role) is null)
        {
            return StateError.RoleNotFound;
        }

        return user.Roles.Contains(command.Role)
            ? StateError.None
            : Put(user with { Roles = [.. user.Roles.Append(command.Role).Order(ByteOrder.Instance)] });
    }

    public StateError Apply(in UserRevokeRoleCommand command)
    {
        var error = _view.CheckRoot(command.Caller);
        if (error != StateError.None)
        {
            return error;
        }

        if (_view.IsEnabled && command is { Name: AuthUser.Root, Role: AuthUser.Root })
        {
            return StateError.InvalidAuthManagement;
        }

        if (_view.FindUser(command.Name) is not { } user)
        {
            return StateError.UserNotFound;
        }

        return user.Roles.Contains(command.Role) ? Put(Without(user, command.Role)) : StateError.RoleNotGranted;
    }

    public StateError Apply(in RoleAddCommand command)
    {
        var error = _view.CheckRoot(command.Caller);
        if (error != StateError.None)
        {
            return error;
        }

        if (command.Role.Length == 0)
        {
            return StateError.RoleEmpty;
        }

        return _view.FindRole(command.Role) is not null ? StateError.RoleExists : Put(new AuthRole(command.Role, []));
    }

    public StateError Apply(in RoleDeleteCommand command)
    {
        var error = _view.CheckRoot(command.Caller);
        if (error != StateError.None)
        {
            return error;
        }

        if (_view.IsEnabled && command.Role == AuthUser.Root)
        {
            return StateError.InvalidAuthManagement;
        }

        if (_view.FindRole(command.Role) is null)
        {
            return StateError.RoleNotFound;
        }

        var users = _view.UsersByName;
        foreach (var user in _view.Users)
        {
            if (user.Roles.Contains(command.Role))
            {
                users = users.SetItem(user.Name, Without(user, command.Role));
            }
        }

        return Change(users, _view.RolesByName.Remove(command.Role));
    }

    public StateError Apply(in RoleGrantPermissionCommand command)
    {
        var error = _view.CheckRoot(command.Caller);
        if (error != StateError.None)
        {
            return error;
        }

        if (command.Permission is not { } permission)
        {
            return StateError.PermissionNotGiven;
        }

        if (!permission.IsAboutKeys)
        {
            return StateError.InvalidAuthManagement;
        }

        return _view.FindRole(command.Role) is not { } role
            ? StateError.RoleNotFound
            : Put(role with { Permissions = [.. role.Permissions.Where(one => one.CompareTo(permission) != 0).Append(permission).Order()] });
    }

    public StateError Apply(in RoleRevokePermissionCommand command)
    {
        var error = _view.CheckRoot(command.Caller);
        if (error != StateError.None)
        {
            return error;
        }

        if (_view.FindRole(command.Role) is not { } role)
        {
            return StateError.RoleNotFound;
        }

        var named = new Permission(default, command.Key, command.RangeEnd);
        var rest = role.Permissions.Where(one => one.CompareTo(named) != 0).ToArray();
        return rest.Length == role.Permissions.Count ? StateError.PermissionNotGranted : Put(role with { Permissions = rest });
    }

    public void WriteTo(IBufferWriter<byte> to)
    {
        var writer = new StateWriter(to);
        writer.Byte(Version);
        writer.Flag(_view.IsEnabled);
        writer.Zigzag(_view.Revision);
        writer.Count(_view.UsersByName.Count);
        foreach (var user in _view.Users)
        {
            user.WriteTo(writer);
        }

        writer.Count(_view.RolesByName.Count);
        foreach (var role in _view.Roles)
        {
            role.WriteTo(writer);
        }
    }

    /// <exception cref="StateFormatException">These are not the bytes of a table.</exception>
    public static AuthTable ReadFrom(ReadOnlySpan<byte> bytes)
    {
        var reader = new StateReader(bytes, "auth table");
        reader.Version(Version);
        var isEnabled = reader.Flag();
        var revision = reader.Zigzag();
        var users = AuthView.Initial.UsersByName.ToBuilder();
        var previous = "";
        for (var left = reader.Count(AuthUser.MinBytes); left > 0; left--)
        {
            var start = reader.Offset;
            var user = AuthUser.ReadFrom(ref reader);
            CheckOrder(ref reader, start, previous, user.Name);
            users.Add(user.Name, user);
            previous = user.Name;
        }

        var roles = AuthView.Initial.RolesByName.ToBuilder();
        previous = "";
        for (var left = reader.Count(AuthRole.MinBytes); left > 0; left--)
        {
            var start = reader.Offset;
            var role = AuthRole.ReadFrom(ref reader);
            CheckOrder(ref reader, start, previous, role.Name);
            roles.Add(role.Name, role);
            previous = role.Name;
        }

        reader.End();
        return new AuthTable(new AuthView(isEnabled, revision, users.ToImmutable(), roles.ToImmutable()));
    }

    private static void CheckOrder(ref StateReader reader, int start, string previous, string name)
    {
        if (ByteOrder.Instance.Compare(previous, name) >= 0)
        {
            reader.FailAt(start, "a name is empty, or the names are not in order.");
        }
    }

    private static AuthUser Without(AuthUser user, string role)
        => user with { Roles = [.. user.Roles.Where(one => one != role)] };

    private StateError Put(AuthUser user) => Change(_view.UsersByName.SetItem(user.Name, user), _view.RolesByName);

    private StateError Put(AuthRole role) => Change(_view.UsersByName, _view.RolesByName.SetItem(role.Name, role));

    private StateError Change(
        ImmutableSortedDictionary<string, AuthUser> users,
        ImmutableSortedDictionary<string, AuthRole> roles)
    {
        _view = new AuthView(_view.IsEnabled, _view.Revision + 1, users, roles);
        return StateError.None;
    }
}
