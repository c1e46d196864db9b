using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>What members keep for a client goes with it.</b> When all clients have gone, a member has no more watches, streams and
/// sockets than before the first one came.
/// </summary>
internal sealed class ObjectsGone : IChecker
{
    // Connections between members and to whoever counts come and go. What clients leave behind is counted in hundreds.
    private const int SocketsOfOthers = 16;

    public string Name => "server objects";

    public Verdict Check(History history)
    {
        var before = history.Objects.Where(line => !line.IsAfter).ToDictionary(line => line.Member);
        var after = history.Objects.Where(line => line.IsAfter && before.ContainsKey(line.Member)).ToList();
        var findings = after.Select(line => (line.Member, Text: Remains(before[line.Member], line)))
            .Where(one => one.Text is not null)
            .Select(one => new Finding("left-behind", $"All clients are gone, and {one.Member} still has {one.Text}."))
            .ToList();
        return Verdict.Of(Name, findings, $"{after.Count} members, {after.Select(line => line.Sockets).DefaultIfEmpty().Max()} sockets at most");
    }

    /// <summary>What a member has left of its clients; null if nothing.</summary>
    public static string? Remains(ObjectsLine before, ObjectsLine after)
        => before.Member != after.Member ? null
            : after.Watchers > before.Watchers ? $"{after.Watchers} watches, after {before.Watchers} at first"
            : after.Streams > before.Streams ? $"{after.Streams} streams of watches, after {before.Streams} at first"
            : after.Sockets > before.Sockets + SocketsOfOthers ? $"{after.Sockets} sockets, after {before.Sockets} at first"
            : null;
}
