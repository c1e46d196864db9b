using System.Globalization;
using RaftKv.Compare.Contenders;

namespace RaftKv.Compare;

/// <summary>What was measured, and where.</summary>
internal static class Header
{
    public static async Task<string> OfAsync(IReadOnlyList<Contender> contenders, Setup setup)
    {
        var versions = new List<string>();
        foreach (var contender in contenders)
        {
            versions.Add($"{contender.Name} ({await contender.VersionAsync()})");
        }

        return string.Create(
            CultureInfo.InvariantCulture,
            $"{string.Join(" and ", versions)} on {Environment.ProcessorCount} cores, which the load shares; medians of {setup.Rounds} rounds.");
    }
}
