using System.Globalization;
using Google.Protobuf;
using RaftKv.Faults.Checking.Rights;
using RaftKv.Faults.Histories;
using RaftKv.Protocol.Etcd;
using RaftKv.Stores;
using PermissionKind = RaftKv.Protocol.Auth.Permission.Types.Type;

namespace RaftKv.Faults.Workloads.Accounts;

/// <summary>
/// Root, who changes what the user may do: one change after the other, each written down as something that holds from then on
/// or does not.
/// </summary>
internal sealed class RightsChanges
{
    public const string User = "probe";
    public const string RootPassword = "root's";
    private const string OwnRole = "own";

    // Then it is so already.
    private static readonly string[] NotThere =
    [
        "etcdserver: permission is not granted to the role", "etcdserver: role is not granted to the user",
        "etcdserver: user name not found", "etcdserver: authentication is not enabled",
    ];

    private static readonly string[] Roles = ["first", "second"];

    private readonly AccountCaller _root = new("root", RootPassword);
    private readonly HashSet<string> _allowed = new(StringComparer.Ordinal);
    private int _passwords;

    /// <summary>Those that the user may have now.</summary>
    public IReadOnlyList<string> Passwords { get; private set; } = ["0"];

    public static IReadOnlyList<string> Scopes { get; } = ["s/0/", "s/1/", "s/2/"];

    /// <summary>What is the user's in any case.</summary>
    public static string Own => "own/";

    public async Task BeginAsync(ClientSession session)
    {
        await DoAsync(session, "user-add", new AuthUserAddRequest { Name = "root", Password = RootPassword });
        await DoAsync(session, "user-grant-role", new AuthUserGrantRoleRequest { User = "root", Role = "root" });
        foreach (var role in Roles.Append(OwnRole))
        {
            await DoAsync(session, "role-add", new AuthRoleAddRequest { Name = role });
        }

        await DoAsync(session, "role-grant", Grant(OwnRole, Own, PermissionKind.Readwrite));
        await MakeUserAsync(session);
        await ChangePermissionAsync(session, Roles[0], Scopes[0]);
        await ChangeRoleAsync(session, Roles[0]);
        await CloseAsync(session);
    }

    /// <summary>One change.</summary>
    public Task StepAsync(ClientSession session) => session.Chance.Next(100) switch
    {
        < 50 => ChangePermissionAsync(session, session.Pick(Roles), session.Pick(Scopes)),
        < 75 => ChangeRoleAsync(session, session.Pick(Roles)),
        < 85 => ChangePasswordAsync(session),
        < 93 => ReplaceUserAsync(session),
        _ => OpenForAWhileAsync(session),
    };

    /// <summary>Turns authentication off for good, so that those who look at the end need no name.</summary>
    public async Task EndAsync(ClientSession session)
    {
        while (!await ChangeAsync(session, RightFacts.Allow, RightFacts.Open, "auth-disable", new AuthDisableRequest()))
        {
            await Task.Delay(100);
        }

        await _root.CloseAsync();
    }

    private Task ChangePermissionAsync(ClientSession session, string role, string scope)
    {
        var fact = RightFacts.Permission(role, scope);
        return !_allowed.Contains(fact)
            ? ChangeAsync(session, RightFacts.Allow, fact, "role-grant", Grant(role, scope, session.Chance.Next(2) == 0 ? PermissionKind.Read : PermissionKind.Readwrite))
            : session.Chance.Next(2) == 0
                ? ChangeAsync(session, RightFacts.Forbid, fact, "role-grant", Grant(role, scope, PermissionKind.Write))
                : ChangeAsync(session, RightFacts.Forbid, fact, "role-revoke", new AuthRoleRevokePermissionRequest { Role = role, Key = Bytes(scope), RangeEnd = EndOf(scope) });
    }

    private Task ChangeRoleAsync(ClientSession session, string role)
    {
        var fact = RightFacts.Role(role);
        return _allowed.Contains(fact)
            ? ChangeAsync(session, RightFacts.Forbid, fact, "user-revoke-role", new AuthUserRevokeRoleRequest { Name = User, Role = role })
            : ChangeAsync(session, RightFacts.Allow, fact, "user-grant-role", new AuthUserGrantRoleRequest { User = User, Role = role });
    }

    private async Task ChangePasswordAsync(ClientSession session)
    {
        var next = (++_passwords).ToString(CultureInfo.InvariantCulture);
        Passwords = [Passwords[^1], next];
        var answer = await DoAsync(session, "user-passwd", new AuthUserChangePasswordRequest { Name = User, Password = next });
        Passwords = answer?.IsOk == true ? [next] : Passwords;
    }

    private async Task ReplaceUserAsync(ClientSession session)
    {
        if (await ChangeAsync(session, RightFacts.Forbid, RightFacts.User, "user-delete", new AuthUserDeleteRequest { Name = User }))
        {
            _allowed.RemoveWhere(RightFacts.IsOfUser);
            await Task.Delay(session.Chance.Next(300));
        }

        await MakeUserAsync(session);
    }

    private async Task MakeUserAsync(ClientSession session)
    {
        // A user of that name that a lost answer left behind has one of these passwords, too.
        var password = Passwords[^1];
        await ChangeAsync(session, RightFacts.Allow, RightFacts.User, "user-add", new AuthUserAddRequest { Name = User, Password = password });
        await DoAsync(session, "user-grant-role", new AuthUserGrantRoleRequest { User = User, Role = OwnRole });
    }

    private async Task OpenForAWhileAsync(ClientSession session)
    {
        if (await ChangeAsync(session, RightFacts.Allow, RightFacts.Open, "auth-disable", new AuthDisableRequest()))
        {
            await Task.Delay(session.Chance.Next(50, 400));
        }

        await CloseAsync(session);
    }

    private async Task CloseAsync(ClientSession session)
    {
        for (var i = 0; i < 20 && !await ChangeAsync(session, RightFacts.Forbid, RightFacts.Open, "auth-enable", new AuthEnableRequest()); i++)
        {
            await Task.Delay(100);
        }
    }

    /// <returns>Whether it is so from now on.</returns>
    private async Task<bool> ChangeAsync(ClientSession session, string call, string fact, string verb, IMessage request)
    {
        var member = session.Pick(session.Cluster.Members);
        var changed = await session.Recorder.RunAsync(session.Asked(call, fact) with { Member = member.Name, Value = verb }, isRead: false, async operation =>
        {
            try
            {
                var answer = await _root.CallAsync(member, verb, request);
                var isSo = call == RightFacts.Forbid && NotThere.Contains(answer.Status.Detail);
                return operation with { Outcome = isSo ? Outcome.Ok : AccountCaller.OutcomeOf(answer), Error = answer.IsOk ? null : answer.Status.Detail };
            }
            catch (StoreException silent)
            {
                return operation with { Outcome = Outcome.Info, Error = silent.Message };
            }
        });
        if (changed.Outcome != Outcome.Fail)
        {
            // Of an unknown outcome: the next change will be the other way round, and tell.
            _ = call == RightFacts.Allow ? _allowed.Add(fact) : _allowed.Remove(fact);
        }

        return changed.IsOk;
    }

    /// <summary>What changes nothing about what the user may read.</summary>
    private async Task<Answer?> DoAsync(ClientSession session, string verb, IMessage request)
    {
        try
        {
            return await _root.CallAsync(session.Pick(session.Cluster.Members), verb, request);
        }
        catch (StoreException)
        {
            return null;
        }
    }

    private static AuthRoleGrantPermissionRequest Grant(string role, string scope, PermissionKind kind) => new()
    {
        Name = role,
        Perm = new() { PermType = kind, Key = Bytes(scope), RangeEnd = EndOf(scope) },
    };

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    // "s/3/" ends before "s/30".
    public static ByteString EndOf(string prefix) => Bytes(prefix[..^1] + (char)(prefix[^1] + 1));
}
