using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Selectors;

namespace KubeStore.Authz;

/// <summary>Who may do what, by the roles and bindings among the objects. Nothing is forbidden by them, only allowed.</summary>
internal sealed class RbacAuthorizer(KubeRegistry registry)
{
    private const string Group = "rbac.authorization.k8s.io";

    /// <summary>Whether somebody may.</summary>
    public async Task<bool> MayAsync(AccessRequest request, CancellationToken cancellation)
    {
        if (request.User.Groups.Contains("system:masters"))
        {
            return true;
        }

        await foreach (var (rule, _) in RulesAsync(request.User, request.Namespace, cancellation).ConfigureAwait(false))
        {
            if (Allows(rule, request))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>All rules that hold for somebody in a namespace, and everywhere.</summary>
    public async IAsyncEnumerable<(JsonObject Rule, bool IsEverywhere)> RulesAsync(
        UserInfo user, string ns, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var binding in await ListAsync("clusterrolebindings", "", cancellation).ConfigureAwait(false))
        {
            if (Binds(binding, user, ""))
            {
                foreach (var rule in await RulesOfAsync(binding, "", cancellation).ConfigureAwait(false))
                {
                    yield return (rule, true);
                }
            }
        }

        foreach (var binding in ns.Length == 0 ? [] : await ListAsync("rolebindings", ns, cancellation).ConfigureAwait(false))
        {
            if (Binds(binding, user, ns))
            {
                foreach (var rule in await RulesOfAsync(binding, ns, cancellation).ConfigureAwait(false))
                {
                    yield return (rule, false);
                }
            }
        }
    }

    /// <summary>What of some rules somebody does not have: each in its smallest parts, so that several of theirs may add up to one.</summary>
    public async Task<IReadOnlyList<JsonObject>> NotHeldAsync(UserInfo user, string ns, IEnumerable<JsonObject> rules, CancellationToken cancellation)
    {
        if (user.Groups.Contains("system:masters"))
        {
            return [];
        }

        var held = new List<JsonObject>();
        await foreach (var (rule, _) in RulesAsync(user, ns, cancellation).ConfigureAwait(false))
        {
            held.Add(rule);
        }

        return [.. rules.Where(rule => Parts(user, rule).Any(part => !held.Any(one => Allows(one, part))))];
    }

    private static IEnumerable<AccessRequest> Parts(UserInfo user, JsonObject rule)
    {
        foreach (var verb in rule.ArrayAt("verbs").Texts())
        {
            foreach (var url in rule.ArrayAt("nonResourceURLs").Texts())
            {
                yield return new(user, verb) { Path = url };
            }

            foreach (var group in rule.ArrayAt("apiGroups").Texts())
            {
                foreach (var resource in rule.ArrayAt("resources").Texts())
                {
                    var parts = resource.Split('/', 2);
                    foreach (var name in rule.ArrayAt("resourceNames").Texts().DefaultIfEmpty(""))
                    {
                        yield return new(user, verb) { Group = group, Resource = parts[0], Subresource = parts.Length > 1 ? parts[1] : "", Name = name };
                    }
                }
            }
        }
    }

    private static bool Allows(JsonObject rule, AccessRequest request)
    {
        if (!Has(rule, "verbs", request.Verb))
        {
            return false;
        }

        if (request.Path.Length > 0)
        {
            return rule.ArrayAt("nonResourceURLs").Texts().Any(url =>
                url == "*" || url == request.Path || (url.EndsWith('*') && request.Path.StartsWith(url[..^1], StringComparison.Ordinal)));
        }

        var whole = request.Subresource.Length > 0 ? $"{request.Resource}/{request.Subresource}" : request.Resource;
        var names = rule.ArrayAt("resourceNames").Texts().ToList();
        return Has(rule, "apiGroups", request.Group)
            && rule.ArrayAt("resources").Texts().Any(one => one == "*" || one == whole || (request.Subresource.Length > 0 && one == $"*/{request.Subresource}"))
            && (names.Count == 0 || names.Contains(request.Name));
    }

    private static bool Has(JsonObject rule, string field, string wanted) => rule.ArrayAt(field).Texts().Any(one => one == "*" || one == wanted);

    private static bool Binds(JsonObject binding, UserInfo user, string ns) => binding.ArrayAt("subjects").Objects().Any(subject =>
        subject.TextAt("kind") switch
        {
            "User" => subject.TextAt("name") == user.Name,
            "Group" => user.Groups.Contains(subject.TextAt("name")),
            "ServiceAccount" => $"system:serviceaccount:{(subject.TextAt("namespace") is { Length: > 0 } own ? own : ns)}:{subject.TextAt("name")}" == user.Name,
            _ => false,
        });

    /// <summary>What the role has that a binding names; nothing, if it is not there.</summary>
    public async Task<IEnumerable<JsonObject>> RulesOfAsync(JsonObject binding, string ns, CancellationToken cancellation)
    {
        var name = binding.TextAt("roleRef", "name");
        var role = binding.TextAt("roleRef", "kind") == "Role"
            ? await FindAsync("roles", ns, name, cancellation).ConfigureAwait(false)
            : await FindAsync("clusterroles", "", name, cancellation).ConfigureAwait(false);
        return role is null ? [] : await RulesOfRoleAsync(role, cancellation).ConfigureAwait(false);
    }

    // A role may be made of others, by their labels, and those of others again.
    private async Task<IEnumerable<JsonObject>> RulesOfRoleAsync(JsonObject role, CancellationToken cancellation)
    {
        if (Selectors(role).Count == 0)
        {
            return role.ArrayAt("rules").Objects();
        }

        var all = await registry.ListAsync(registry.Catalog.Find(Group, "v1", "clusterroles")!, "", new() { ResourceVersion = "0" }, cancellation).ConfigureAwait(false);
        var (seen, open, rules) = (new HashSet<string>(StringComparer.Ordinal), new Queue<JsonObject>([role]), new List<JsonObject>());
        while (open.TryDequeue(out var next))
        {
            var selectors = Selectors(next);
            if (selectors.Count == 0)
            {
                rules.AddRange(next.ArrayAt("rules").Objects());
                continue;
            }

            foreach (var part in all.Items.Where(one => selectors.Any(selector => selector!.Matches(one.Labels)) && seen.Add(one.Name)))
            {
                open.Enqueue(part.ToJson());
            }
        }

        return rules;
    }

    private static List<LabelSelector?> Selectors(JsonObject role)
        => [.. role.ArrayAt("aggregationRule", "clusterRoleSelectors").Objects().Select(LabelSelector.FromJson)];

    private async Task<IEnumerable<JsonObject>> ListAsync(string plural, string ns, CancellationToken cancellation)
        => (await registry.ListAsync(registry.Catalog.Find(Group, "v1", plural)!, ns, new() { ResourceVersion = "0" }, cancellation).ConfigureAwait(false))
            .Items.Select(one => one.ToJson());

    private async Task<JsonObject?> FindAsync(string plural, string ns, string name, CancellationToken cancellation)
    {
        try
        {
            return (await registry.GetAsync(registry.Catalog.Find(Group, "v1", plural)!, ns, name, "0", cancellation).ConfigureAwait(false)).ToJson();
        }
        catch (StatusException missing) when (missing.Status.Reason == "NotFound")
        {
            return null;
        }
    }
}
