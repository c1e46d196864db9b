using System.Collections.Concurrent;
using System.Collections.Immutable;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.State;

/// <summary>
/// Users, roles and what follows from them, as of one applied command. It never changes; any thread may ask it, and asks
/// the next one after the next change.
/// </summary>
public sealed class AuthView
{
    internal static readonly AuthView Initial = new(
        isEnabled: false,
        revision: 1,
        ImmutableSortedDictionary.Create<string, AuthUser>(ByteOrder.Instance),
        ImmutableSortedDictionary.Create<string, AuthRole>(ByteOrder.Instance));

    // What users may do, worked out when it is first asked. It begins empty in each view: nothing has to be thrown away
    // when something changes, and nothing can be forgotten to be.
    private readonly ConcurrentDictionary<string, Rights> _rights = new(StringComparer.Ordinal);

    internal AuthView(
        bool isEnabled,
        long revision,
        ImmutableSortedDictionary<string, AuthUser> users,
        ImmutableSortedDictionary<string, AuthRole> roles)
    {
        IsEnabled = isEnabled;
        Revision = revision;
        UsersByName = users;
        RolesByName = roles;
    }

    public bool IsEnabled { get; }

    /// <summary>Counts the changes of users, passwords, roles and grants, from 1.</summary>
    public long Revision { get; }

    /// <summary>In order of their names.</summary>
    public IEnumerable<AuthUser> Users => UsersByName.Values;

    /// <summary>In order of their names.</summary>
    public IEnumerable<AuthRole> Roles => RolesByName.Values;

    internal ImmutableSortedDictionary<string, AuthUser> UsersByName { get; }

    internal ImmutableSortedDictionary<string, AuthRole> RolesByName { get; }

    public AuthUser? FindUser(string name) => UsersByName.GetValueOrDefault(name);

    public AuthRole? FindRole(string name) => RolesByName.GetValueOrDefault(name);

    /// <summary>The permissions of a role as they are shown; null if there is no such role.</summary>
    public IReadOnlyList<Permission>? PermissionsOf(string role)
        => FindRole(role) is not { } found ? null
            : role == AuthUser.Root ? [Permission.Everything]
            : found.Permissions;

    /// <summary>Whether the roles of a user allow this with all of these keys. It does not matter here whether
    /// authentication is on.</summary>
    public bool Allows(string user, Access access, in KeyRange range)
        => RightsOf(user) is { } rights && (rights.IsRoot || rights.Of(access).Cover(range));

    /// <inheritdoc cref="Allows(string, Access, in KeyRange)"/>
    public bool Allows(string user, Access access, ReadOnlySpan<byte> key)
        => RightsOf(user) is { } rights && (rights.IsRoot || rights.Of(access).Cover(key));

    /// <summary>Whether the caller may do this with all of these keys now.</summary>
    public StateError Check(Caller caller, Access access, in KeyRange range)
    {
        var error = CheckCredential(caller);
        return error == StateError.None && IsEnabled && !Allows(caller.User, access, range)
            ? StateError.PermissionDenied
            : error;
    }

    /// <summary>Whether the caller may do this with this key now.</summary>
    public StateError Check(Caller caller, Access access, ReadOnlySpan<byte> key)
    {
        var error = CheckCredential(caller);
        return error == StateError.None && IsEnabled && !Allows(caller.User, access, key)
            ? StateError.PermissionDenied
            : error;
    }

    /// <summary>Whether the caller's credentials are there, and as new as the rights that are judged by them.</summary>
    public StateError CheckCredential(Caller caller)
    {
        if (!IsEnabled)
        {
            return StateError.None;
        }

        return caller.IsNobody ? StateError.UserEmpty
            : caller.AuthRevision < Revision ? StateError.AuthOldRevision
            : StateError.None;
    }

    /// <summary>Whether the caller may do what only root may. It is judged by the user's roles of this moment, however
    /// old the credentials are.</summary>
    public StateError CheckRoot(Caller caller)
    {
        if (!IsEnabled)
        {
            return StateError.None;
        }

        return caller.IsNobody ? StateError.UserEmpty
            : FindUser(caller.User) is not { } user ? StateError.UserNotFound
            : !user.IsRoot ? StateError.PermissionDenied
            : StateError.None;
    }

    /// <summary>Whether authentication could be turned on: somebody must be left who may turn it off.</summary>
    public StateError CheckEnable()
        => IsEnabled ? StateError.None
            : FindUser(AuthUser.Root) is not { } root ? StateError.RootUserNotFound
            : root.IsRoot ? StateError.None
            : StateError.RootRoleNotGranted;

    /// <summary>Finds what a password has to be compared with.</summary>
    /// <param name="name">Who says that it is theirs.</param>
    /// <param name="user">With the hash; null if refused.</param>
    public StateError FindForPassword(string name, out AuthUser? user)
    {
        user = null;
        if (!IsEnabled)
        {
            return StateError.AuthNotEnabled;
        }

        if (FindUser(name) is not { } found)
        {
            return StateError.AuthFailed;
        }

        if (found.HasNoPassword)
        {
            return StateError.NoPasswordUser;
        }

        user = found;
        return StateError.None;
    }

    private Rights? RightsOf(string user)
        => _rights.TryGetValue(user, out var rights) ? rights

            // Names that nobody has are not remembered: there is no end to them.
            : FindUser(user) is { } found ? _rights.GetOrAdd(user, static (_, asked) => asked.View.WorkOut(asked.User), (View: this, User: found))
            : null;

    private Rights WorkOut(AuthUser user)
    {
        if (user.IsRoot)
        {
            return new Rights(IsRoot: true, KeyIntervals.None, KeyIntervals.None);
        }

        var permissions = user.Roles
            .Select(FindRole)
            .SelectMany(role => role?.Permissions ?? [])
            .ToArray();
        return new Rights(IsRoot: false, Union(permissions, Access.Read), Union(permissions, Access.Write));
    }

    private static KeyIntervals Union(Permission[] permissions, Access access)
        => KeyIntervals.UnionOf(permissions.Where(permission => permission.Allows(access)).Select(permission => permission.Range));

    private sealed record Rights(bool IsRoot, KeyIntervals Read, KeyIntervals Write)
    {
        public KeyIntervals Of(Access access) => access == Access.Read ? Read : Write;
    }
}
