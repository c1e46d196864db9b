namespace KubeStore.Resources;

/// <summary>A resource, whatever its version: <c>deployments.apps</c>.</summary>
public readonly record struct GroupResource(string Group, string Resource)
{
    public override string ToString() => Group.Length > 0 ? $"{Resource}.{Group}" : Resource;
}

/// <summary>A group in one version, as objects name it: <c>apps/v1</c>, or <c>v1</c> for the core.</summary>
public readonly record struct GroupVersion(string Group, string Version) : IComparable<GroupVersion>
{
    public static GroupVersion Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? new("", text) : new(text[..slash], text[(slash + 1)..]);
    }

    public GroupVersionKind Kind(string kind) => new(Group, Version, kind);

    /// <summary>Groups by name; within one, the version that clients should prefer first.</summary>
    public int CompareTo(GroupVersion other)
    {
        var byGroup = string.CompareOrdinal(Group, other.Group);
        return byGroup != 0 ? byGroup : VersionPreference.Compare(Version, other.Version);
    }

    public override string ToString() => Group.Length > 0 ? $"{Group}/{Version}" : Version;
}

/// <summary>The type of an object.</summary>
public readonly record struct GroupVersionKind(string Group, string Version, string Kind)
{
    public GroupVersion GroupVersion => new(Group, Version);

    public override string ToString() => $"{GroupVersion}, Kind={Kind}";
}

/// <summary>The order in which versions are preferred: stable before beta before alpha, newer before older, others last.</summary>
internal static class VersionPreference
{
    public static int Compare(string left, string right)
    {
        var (a, b) = (Parse(left), Parse(right));
        if (a is null || b is null)
        {
            return a is null && b is null ? string.CompareOrdinal(left, right) : a is null ? 1 : -1;
        }

        // What is larger comes first.
        return b.Value.CompareTo(a.Value);
    }

    private static (int Stability, int Major, int Minor)? Parse(string version)
    {
        if (version.Length < 2 || version[0] != 'v' || !char.IsAsciiDigit(version[1]) || version[1] == '0')
        {
            return null;
        }

        var end = 1;
        while (end < version.Length && char.IsAsciiDigit(version[end]))
        {
            end++;
        }

        if (!int.TryParse(version.AsSpan(1, end - 1), out var major))
        {
            return null;
        }

        var rest = version[end..];
        if (rest.Length == 0)
        {
            return (2, major, 0);
        }

        foreach (var (word, stability) in ((string, int)[])[("beta", 1), ("alpha", 0)])
        {
            if (rest.StartsWith(word, StringComparison.Ordinal) && int.TryParse(rest.AsSpan(word.Length), out var minor) && minor > 0)
            {
                return (stability, major, minor);
            }
        }

        return null;
    }
}
