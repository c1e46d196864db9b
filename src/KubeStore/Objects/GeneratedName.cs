namespace KubeStore.Objects;

/// <summary>Names made from a prefix, as <c>generateName</c> asks for them.</summary>
internal static class GeneratedName
{
    private const int MaxPrefix = 58;
    private const int SuffixLength = 5;

    // No vowels, and nothing that looks like something else: no words come about by accident.
    private const string Letters = "bcdfghjklmnpqrstvwxz2456789";

    public static string From(string prefix, Random chance)
    {
        Span<char> suffix = stackalloc char[SuffixLength];
        foreach (ref var letter in suffix)
        {
            letter = Letters[chance.Next(Letters.Length)];
        }

        return string.Concat(prefix.AsSpan(0, Math.Min(prefix.Length, MaxPrefix)), suffix);
    }
}
