using System.Text;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Tests.State;

/// <summary>The rules for users and roles, as plainly as they can be written.</summary>
internal sealed class NaiveAuth
{
    private static readonly Comparer<string> ByBytes = Comparer<string>.Create(
        (left, right) => Encoding.UTF8.GetBytes(left).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right)));

    private readonly Dictionary<string, List<(PermissionKind Kind, byte[] Key, byte[] End)>> _roles = [];

    public bool IsEnabled { get; private set; }

    public long Revision { get; private set; } = 1;

    public SortedDictionary<string, SortedSet<string>> Users { get; } = new(ByBytes);

    public StateError Enable()
    {
        if (IsEnabled)
        {
            return StateError.None;
        }

        if (!Users.TryGetValue("root", out var roles))
        {
            return StateError.RootUserNotFound;
        }

        IsEnabled = roles.Contains("root");
        return IsEnabled ? StateError.None : StateError.RootRoleNotGranted;
    }

    public StateError Disable(Caller caller)
        => Judge(caller) ?? (IsEnabled ? Changed(() => IsEnabled = false) : StateError.None);

    public StateError AddUser(Caller caller, string user)
        => Judge(caller)
            ?? (user == "" ? StateError.UserEmpty
            : Users.ContainsKey(user) ? StateError.UserExists
            : Changed(() => Users.Add(user, new SortedSet<string>(ByBytes))));

    public StateError DeleteUser(Caller caller, string user)
        => Judge(caller)
            ?? (IsEnabled && user == "root" ? StateError.InvalidAuthManagement
            : !Users.ContainsKey(user) ? StateError.UserNotFound
            : Changed(() => Users.Remove(user)));

    public StateError ChangePassword(Caller caller, string user)
        => Judge(caller) ?? (Users.ContainsKey(user) ? Changed(() => { }) : StateError.UserNotFound);

    public StateError GrantRole(Caller caller, string user, string role)
        => Judge(caller)
            ?? (!Users.TryGetValue(user, out var roles) ? StateError.UserNotFound
            : role != "root" && !_roles.ContainsKey(role) ? StateError.RoleNotFound
            : roles.Contains(role) ? StateError.None
            : Changed(() => roles.Add(role)));

    public StateError RevokeRole(Caller caller, string user, string role)
        => Judge(caller)
            ?? (IsEnabled && user == "root" && role == "root" ? StateError.InvalidAuthManagement
            : !Users.TryGetValue(user, out var roles) ? StateError.UserNotFound
            : !roles.Contains(role) ? StateError.RoleNotGranted
            : Changed(() => roles.Remove(role)));

    public StateError AddRole(Caller caller, string role)
        => Judge(caller)
            ?? (role == "" ? StateError.RoleEmpty
            : _roles.ContainsKey(role) ? StateError.RoleExists
            : Changed(() => _roles.Add(role, [])));

    public StateError DeleteRole(Caller caller, string role)
        => Judge(caller)
            ?? (IsEnabled && role == "root" ? StateError.InvalidAuthManagement
            : !_roles.ContainsKey(role) ? StateError.RoleNotFound
            : Changed(() =>
            {
                _roles.Remove(role);
                foreach (var roles in Users.Values)
                {
                    roles.Remove(role);
                }
            }));

    public StateError GrantPermission(Caller caller, string role, PermissionKind kind, byte[] key, byte[] end)
        => Judge(caller)
            ?? (key.Length == 0 || KeyRange.Of(key, end).IsEmpty ? StateError.InvalidAuthManagement
            : !_roles.TryGetValue(role, out var permissions) ? StateError.RoleNotFound
            : Changed(() =>
            {
                permissions.RemoveAll(one => one.Key.SequenceEqual(key) && one.End.SequenceEqual(end));
                permissions.Add((kind, key, end));
            }));

    public StateError RevokePermission(Caller caller, string role, byte[] key, byte[] end)
        => Judge(caller)
            ?? (!_roles.TryGetValue(role, out var permissions) ? StateError.RoleNotFound
            : permissions.RemoveAll(one => one.Key.SequenceEqual(key) && one.End.SequenceEqual(end)) == 0 ? StateError.PermissionNotGranted
            : Changed(() => { }));

    public bool Allows(string user, Access access, KeyRange asked)
    {
        if (!Users.TryGetValue(user, out var roles))
        {
            return false;
        }

        if (roles.Contains("root"))
        {
            return true;
        }

        var granted = roles
            .SelectMany(role => _roles[role])
            .Where(one => one.Kind == PermissionKind.ReadWrite || one.Kind == (access == Access.Read ? PermissionKind.Read : PermissionKind.Write))
            .Select(one => KeyRange.Of(one.Key, one.End))
            .ToArray();

        // See KeyIntervalsTests: these keys decide.
        return granted
            .Where(range => !range.IsOpen)
            .Select(range => range.IsSingle ? [.. range.Start.Span, 0] : range.End.ToArray())
            .Where(key => asked.Contains(key))
            .Append(asked.Start.ToArray())
            .All(key => granted.Any(range => range.Contains(key)));
    }

    private StateError? Judge(Caller caller)
        => !IsEnabled ? null
            : caller.User == "" ? StateError.UserEmpty
            : !Users.TryGetValue(caller.User, out var roles) ? StateError.UserNotFound
            : roles.Contains("root") ? null
            : StateError.PermissionDenied;

    private StateError Changed(Action change)
    {
        change();
        Revision++;
        return StateError.None;
    }
}
