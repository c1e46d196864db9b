using System.Globalization;

namespace RaftKv.Storage.State;

/// <summary>
/// Bytes of the state, a command or a part of a snapshot, are not what they should be. They passed every checksum, so
/// either another version wrote them or the writer was wrong; whoever meets this stops applying.
/// </summary>
public sealed class StateFormatException(string what, int offset, string problem)
    : Exception(string.Create(CultureInfo.InvariantCulture, $"Malformed {what} at byte {offset}: {problem}"))
{
    /// <summary>What was being read: "lease table", "user-add command".</summary>
    public string What { get; } = what;

    /// <summary>Where in its bytes.</summary>
    public int Offset { get; } = offset;
}
