namespace RaftKv.Raft.Log;

/// <summary>Whether the host could lend the entries that were asked for.</summary>
public enum LogRead
{
    /// <summary>At least one entry is there.</summary>
    Found,

    /// <summary>The entries are gone for good: only a snapshot helps.</summary>
    Compacted,

    /// <summary>They exist but cannot be had without waiting. The core goes on without and asks again later.</summary>
    Unavailable,
}

/// <summary>
/// The synchronous view of durable entries that the host lends to the core. It shows every write the host has
/// reported with <see cref="RaftNode.OnPersisted"/>; whether it already shows later ones is the host's business, since
/// the core serves what it has not yet seen reported from its own memory. Recent entries are served from that memory
/// too, so the reader is asked only on behalf of members that are far behind and after a restart.
/// </summary>
public interface ILogReader
{
    /// <summary>The position just before the first entry there is: the last one that was compacted away, or that a
    /// snapshot replaced. Moves forward whenever the host compacts; never past what it has applied.</summary>
    LogPosition Start { get; }

    /// <summary>The newest durable entry; <see cref="Start"/> when there is none.</summary>
    LogPosition Last { get; }

    /// <summary>The term of an entry from <see cref="Start"/> to <see cref="Last"/>, both included; false outside.
    /// Never "unavailable": terms change rarely, so a host remembers where each one begins.</summary>
    bool TryGetTerm(ulong index, out ulong term);

    /// <summary>
    /// The entries from <paramref name="first"/> to <paramref name="last"/>, both included, or as many from the front
    /// as fit in <paramref name="maxBytes"/> (<see cref="Entry.CountedBytes"/>), but at least one. The memory must
    /// stay unchanged for as long as anyone holds it.
    /// </summary>
    LogRead Read(ulong first, ulong last, long maxBytes, out ReadOnlyMemory<Entry> entries);

    /// <summary>
    /// The snapshot the host would stream to a member that is too far behind, or null while it has none to give.
    /// It must be at or after <see cref="Start"/>. The message that follows names it by position; the host streams
    /// exactly that state and says how it went with <see cref="RaftNode.ReportSnapshot"/>.
    /// </summary>
    Snapshot? LatestSnapshot();
}
