using RaftKv.Raft.Messages;

namespace RaftKv.Server.Peers;

/// <summary>The state behind an InstallSnapshot message, as bytes that can be read again from the middle.</summary>
public interface ISnapshotSource : IAsyncDisposable
{
    /// <summary>Names these bytes: two sources of one id yield the same bytes. The receiver goes on where it stopped only
    /// for the same id.</summary>
    Guid Id { get; }

    /// <summary>Null if it is not known beforehand.</summary>
    long? Length { get; }

    /// <summary>The bytes from an offset on, in pieces of any size, each valid until the next is asked for. Called again
    /// after a cut, when the earlier enumeration has been disposed of.</summary>
    IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(long offset, CancellationToken cancellation);
}

/// <summary>A snapshot that a peer wants to send.</summary>
/// <param name="Message">The InstallSnapshot message it belongs to.</param>
/// <param name="Id">Names the bytes.</param>
/// <param name="Length">Null if the sender does not know.</param>
public sealed record SnapshotOffer(Message Message, Guid Id, long? Length);

/// <summary>
/// Takes a snapshot in. Calls come one after the other. Disposed of at the end; if <see cref="CompleteAsync"/> was not
/// called or threw, what was written is worthless.
/// </summary>
public interface ISnapshotSink : IAsyncDisposable
{
    /// <summary>The next bytes, valid until the call ends. The sender waits for as long as this does.</summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation);

    /// <summary>All bytes are there. The host takes in the state and only then steps the message. The sender is told that
    /// it was delivered when this returns.</summary>
    ValueTask CompleteAsync(CancellationToken cancellation);
}
