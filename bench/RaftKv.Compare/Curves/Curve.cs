using RaftKv.Compare.Works;

namespace RaftKv.Compare.Curves;

/// <summary>How something that grows changes what both do.</summary>
/// <param name="Name">On the command line.</param>
/// <param name="What">What grows, and what stays.</param>
/// <param name="Points">Its sizes.</param>
/// <param name="At">A setup with that size.</param>
/// <param name="Works">What is measured at each.</param>
internal sealed record Curve(string Name, string What, IReadOnlyList<int> Points, Func<Setup, int, Setup> At, IReadOnlyList<Work> Works)
{
    // Enough to be more than caches hold, and few enough for a disk.
    private const int HeldBytes = 256 * 1024 * 1024;

    // Enough to measure, whatever is told to each.
    private const int Events = 2_000_000;

    public static IReadOnlyList<Curve> All { get; } =
    [
        new("keys", "keys of one member", [10_000, 1_000_000, 10_000_000], (setup, keys) => setup with { Keys = keys }, [Suite.AlonePut, Suite.AloneGet]),
        new("members", "members", [1, 3, 5], (setup, members) => setup with { Members = members }, [Suite.Of("put100"), Suite.Of("get")]),
        new(
            "values",
            "bytes of a value",
            [16, 256, 4096, 65_536, 1_048_576],
            (setup, bytes) => setup with { ValueBytes = bytes, Keys = Math.Clamp(HeldBytes / bytes, 100, setup.Keys) },
            [Suite.Of("put100"), Suite.Of("get")]),
        new(
            "watchers",
            "watchers of one key",
            [1, 10, 100, 1_000, 10_000],
            (setup, watchers) => setup with { Watchers = watchers, WatchedPuts = Math.Clamp(Events / watchers, 200, 10_000) },
            [Suite.Of("watch")]),
    ];
}
