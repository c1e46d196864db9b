using KubeStore.Failures;
using KubeStore.Registry;
using Microsoft.AspNetCore.Http;

namespace KubeStore.Authz;

/// <summary>Somebody asks in the name of somebody else, if they may: <c>kubectl --as</c>.</summary>
internal static class Impersonation
{
    private const string UserHeader = "Impersonate-User";
    private const string GroupHeader = "Impersonate-Group";
    private const string UidHeader = "Impersonate-Uid";
    private const string ExtraHeader = "Impersonate-Extra-";
    private const string ServiceAccount = "system:serviceaccount:";

    /// <summary>In whose name a request is made. Each part of it is a thing that one needs the verb <c>impersonate</c> for.</summary>
    /// <exception cref="StatusException">They may not.</exception>
    public static async ValueTask<UserInfo> ApplyAsync(HttpRequest request, UserInfo user, RbacAuthorizer? authorizer, CancellationToken cancellation)
    {
        var name = request.Headers[UserHeader].ToString();
        var uid = request.Headers[UidHeader].ToString();
        string[] groups = [.. request.Headers[GroupHeader].OfType<string>()];
        var extra = request.Headers.Where(one => one.Key.StartsWith(ExtraHeader, StringComparison.OrdinalIgnoreCase)).ToList();
        if (name.Length == 0)
        {
            return groups.Length == 0 && uid.Length == 0 && extra.Count == 0
                ? user
                : throw Failure.BadRequest("groups, a uid or extra values were to be impersonated without a user");
        }

        var (account, accountNamespace) = ServiceAccountOf(name);
        var wanted = new List<AccessRequest>
        {
            account.Length > 0
                ? new(user, "impersonate") { Resource = "serviceaccounts", Namespace = accountNamespace, Name = account }
                : new(user, "impersonate") { Resource = "users", Name = name },
        };
        wanted.AddRange(groups.Select(group => new AccessRequest(user, "impersonate") { Resource = "groups", Name = group }));
        if (uid.Length > 0)
        {
            wanted.Add(new(user, "impersonate") { Group = "authentication.k8s.io", Resource = "uids", Name = uid });
        }

        var values = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        foreach (var (header, given) in extra)
        {
            var key = Uri.UnescapeDataString(header[ExtraHeader.Length..].ToLowerInvariant());
            values[key] = [.. given.OfType<string>()];
            wanted.AddRange(values[key].Select(value => new AccessRequest(user, "impersonate")
            {
                Group = "authentication.k8s.io",
                Resource = "userextras",
                Subresource = key,
                Name = value,
            }));
        }

        foreach (var one in wanted)
        {
            if (authorizer is not null && !await authorizer.MayAsync(one, cancellation).ConfigureAwait(false))
            {
                throw Failure.Forbidden(new(one.Group, one.Resource), one.Name, one.Refusal());
            }
        }

        return new(name) { Uid = uid, Groups = GroupsOf(name, account, accountNamespace, groups), Extra = values };
    }

    // Who names no groups for an account means those that it has anyway.
    private static List<string> GroupsOf(string name, string account, string ns, string[] asked)
    {
        List<string> groups = [.. asked];
        if (account.Length > 0 && asked.Length == 0)
        {
            groups.AddRange(["system:serviceaccounts", $"system:serviceaccounts:{ns}"]);
        }

        var implied = name == UserInfo.Nobody.Name ? "system:unauthenticated" : "system:authenticated";
        if (!groups.Contains(implied))
        {
            groups.Add(implied);
        }

        return groups;
    }

    private static (string Name, string Namespace) ServiceAccountOf(string user)
        => user.StartsWith(ServiceAccount, StringComparison.Ordinal) && user[ServiceAccount.Length..].Split(':') is [{ Length: > 0 } ns, { Length: > 0 } name]
            ? (name, ns)
            : ("", "");
}
