using RaftKv.Raft.Log;

namespace RaftKv.Storage.Wal;

/// <summary>
/// What one append makes durable, all of it or nothing. The parts take effect in the order in which they stand here.
/// </summary>
public readonly ref struct WalBatch
{
    /// <summary>A snapshot that ends at this position has replaced the log: every entry is dropped, and the next one
    /// follows this position. The snapshot itself must be durable before.</summary>
    public LogPosition? Reset { get; init; }

    /// <summary>The new hard state, if it changed.</summary>
    public HardState? HardState { get; init; }

    /// <summary>Contiguous entries. The first follows the last entry of the log, or overwrites one and drops all after
    /// it. The log keeps the payloads in its tail in memory: they must never change.</summary>
    public ReadOnlySpan<Entry> Entries { get; init; }

    public bool IsEmpty => Reset is null && HardState is null && Entries.IsEmpty;
}
