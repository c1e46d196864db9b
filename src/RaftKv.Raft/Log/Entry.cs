namespace RaftKv.Raft.Log;

/// <summary>What an entry's payload means to the core. The numbers are on disk and on the wire.</summary>
public enum EntryKind : byte
{
    /// <summary>A command of the application; the core never looks inside. Empty for a new leader's first entry.</summary>
    Command = 0,

    /// <summary>A membership change, encoded by <c>ConfigChange</c>.</summary>
    ConfigChange = 1,
}

/// <summary>
/// One entry of the replicated log. A value: batches of entries are contiguous arrays, and the same payload memory is
/// shared by the log, the messages and the disk writer. Whoever creates an entry promises not to change its payload.
/// </summary>
public readonly struct Entry(ulong term, ulong index, EntryKind kind, ReadOnlyMemory<byte> payload)
{
    // Roughly what an entry costs on disk and on the wire beside its payload. Counting it keeps a batch of empty
    // entries bounded as well.
    private const int HeaderBytes = 32;

    public ulong Term { get; } = term;

    public ulong Index { get; } = index;

    public ReadOnlyMemory<byte> Payload { get; } = payload;

    public EntryKind Kind { get; } = kind;

    public LogPosition Position => new(Term, Index);

    /// <summary>What the entry counts for wherever bytes are bounded: its payload and a fixed share for its header.</summary>
    public int CountedBytes => Payload.Length + HeaderBytes;

    public override string ToString() => $"{Term}/{Index} {Kind} {Payload.Length} B";
}
