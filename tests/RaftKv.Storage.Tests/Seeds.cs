using System.Globalization;

namespace RaftKv.Storage.Tests;

/// <summary>How many random histories are tried: few in every run of the tests, and as many as <c>RAFTKV_SEEDS</c> says
/// where somebody has the time. <c>RAFTKV_FIRST_SEED</c> says where to begin.</summary>
internal static class Seeds
{
    public static TheoryData<ulong> Few => Some(40);

    /// <param name="count">Unless the environment says otherwise.</param>
    public static TheoryData<ulong> Some(int count)
    {
        var first = Number("RAFTKV_FIRST_SEED") ?? 1;
        return [.. Enumerable.Range(0, Number("RAFTKV_SEEDS") ?? count).Select(i => (ulong)(first + i))];
    }

    private static int? Number(string variable)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : null;
}
