namespace RaftKv.Faults.Checking.Rights;

/// <summary>What a user's rights are made of, and what was done to it, by name.</summary>
internal static class RightFacts
{
    /// <summary>Call: from now on something holds that rights are made of. The key says what.</summary>
    public const string Allow = "allow";

    /// <summary>Call: from now on it does not hold.</summary>
    public const string Forbid = "forbid";

    /// <summary>Call: the user who may do little asks for something. The key says what it is about; the entries, what was told.</summary>
    public const string Probe = "probe";

    /// <summary>Authentication is off, so that everybody may do everything.</summary>
    public const string Open = "open";

    /// <summary>The user exists.</summary>
    public const string User = "user";

    /// <summary>Before all keys that rights are needed for.</summary>
    public const string Guarded = "s/";

    private const string Roles = "role/";

    /// <summary>The user has a role.</summary>
    public static string Role(string role) => Roles + role;

    /// <summary>A role may read a scope.</summary>
    public static string Permission(string role, string scope) => $"permission/{role}/{scope}";

    /// <summary>Whether it goes when the user goes.</summary>
    public static bool IsOfUser(string fact) => fact == User || fact.StartsWith(Roles, StringComparison.Ordinal);

    /// <summary>The role that a fact says the user has; null if it says something else.</summary>
    public static string? RoleOf(string fact) => fact.StartsWith(Roles, StringComparison.Ordinal) ? fact[Roles.Length..] : null;

    /// <summary>
    /// What a key belongs to, and permissions are given for: "s/3/" for "s/3/7". "s/" for what is about all of them; null for
    /// what needs no rights.
    /// </summary>
    public static string? ScopeOf(string key)
        => !key.StartsWith(Guarded, StringComparison.Ordinal) ? null
            : key.IndexOf('/', Guarded.Length) is > 0 and var end ? key[..(end + 1)]
            : Guarded;
}
