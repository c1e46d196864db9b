using System.Runtime.InteropServices;
using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;

namespace RaftKv.Raft;

/// <summary>The answer to a read: whatever is read after <paramref name="Index"/> is applied is linearizable.</summary>
public readonly record struct ReadState(ulong Token, ulong Index);

/// <summary>
/// What the host must do now. Filled by <see cref="RaftNode.TryTakeReady"/>; the duties it stands for are written down
/// at <see cref="RaftNode"/>. The host owns the object and may fill it again once it has read everything out of it;
/// entries and payloads stay valid for as long as anybody holds them.
/// </summary>
public sealed class Ready
{
    private List<Message> _messages = [];
    private List<ReadState> _reads = [];

    /// <summary>The number to report with <see cref="RaftNode.OnPersisted"/>; zero if there is nothing to write. Numbers
    /// count up from one, without gaps.</summary>
    public ulong Write { get; internal set; }

    /// <summary>To be written with this write; null if unchanged.</summary>
    public HardState? HardState { get; internal set; }

    /// <summary>To be installed before the entries of this write; null if none.</summary>
    public Snapshot? Snapshot { get; internal set; }

    /// <summary>To be written. They follow each other; the first may replace what was written at its index before, and
    /// everything after it.</summary>
    public ReadOnlyMemory<Entry> Entries { get; internal set; }

    /// <summary>To be sent, at once: none of them claims anything that is not durable yet.</summary>
    public ReadOnlySpan<Message> Messages => CollectionsMarshal.AsSpan(_messages);

    /// <summary>To be applied, in order.</summary>
    public ReadOnlyMemory<Entry> Committed { get; internal set; }

    /// <summary>Reads that may be answered once the host has applied their index.</summary>
    public ReadOnlySpan<ReadState> Reads => CollectionsMarshal.AsSpan(_reads);

    public bool IsEmpty => Write == 0 && _messages.Count == 0 && Committed.IsEmpty && _reads.Count == 0;

    internal void Clear()
    {
        Write = 0;
        HardState = null;
        Snapshot = null;
        Entries = default;
        Committed = default;
        _messages.Clear();
        _reads.Clear();
    }

    // The core goes on with the lists that were emptied, so that neither side allocates.
    internal void Exchange(ref List<Message> messages, ref List<ReadState> reads)
    {
        (_messages, messages) = (messages, _messages);
        (_reads, reads) = (reads, _reads);
    }
}
