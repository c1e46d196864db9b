using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Records;

/// <summary>
/// Keeps the bytes of every change, found again by its revision. It knows no keys, no order and no history: which
/// revisions matter is the key index's affair.
/// </summary>
/// <remarks>
/// <para><b>What survives.</b> Nothing is certain before a checkpoint. <see cref="BeginCheckpoint"/> stands for everything
/// that was put before it; once <see cref="IRecordCheckpoint.IsDurable"/>, its token opens the store again with all of
/// that. Records put later may be there or not: they are put again, with the same bytes, by whoever replays the log.</para>
/// <para><b>Who may call.</b> Everything is called by one thread, the writer's, except <see cref="OpenReader"/> and the
/// readers themselves. A record can be read on any thread as soon as <see cref="Put"/> has returned.</para>
/// <para><b>Damage.</b> Every record is stored with a sum over itself and its revision. What does not agree is never
/// returned: <see cref="RecordCorruptException"/> names the place.</para>
/// <para><b>Failure.</b> A full disk refuses and nothing else: the store is as before and goes on. After a failed sync
/// nobody knows what the disk holds: everything that would write throws <see cref="RecordStoreStoppedException"/> from
/// then on, and the member starts again from its last durable checkpoint.</para>
/// </remarks>
public interface IRecordStore : IDisposable
{
    /// <summary>Bytes that the store takes on the disk.</summary>
    long DiskBytes { get; }

    /// <summary>Adds a record. If a revision is put again, the later bytes are what it has.</summary>
    /// <exception cref="DiskFullException">There is no room; the store is as before, and takes more once there
    /// is.</exception>
    /// <exception cref="RecordStoreStoppedException">A sync has failed before.</exception>
    void Put(Revision revision, ReadOnlySpan<byte> record);

    /// <summary>Something to read with. Readers are expensive to make and cheap to use again.</summary>
    IRecordReader OpenReader();

    /// <summary>Begins to make everything that was put so far durable. Puts and reads go on meanwhile. One checkpoint at a
    /// time.</summary>
    IRecordCheckpoint BeginCheckpoint();

    /// <summary>The store will never be asked to open an older checkpoint than this durable one: what only those need
    /// goes.</summary>
    void ReleaseBefore(ReadOnlyMemory<byte> checkpointToken);

    /// <summary>Every record there is, in no order, and possibly more than once; for building an index at start.</summary>
    void Scan(IRecordVisitor visitor);

    /// <summary>
    /// Looks through a bounded part of the oldest records and keeps the live ones only. The space comes back after the
    /// next checkpoint has been released to (<see cref="ReleaseBefore"/>).
    /// </summary>
    /// <param name="maxBytes">About how much to look through.</param>
    /// <param name="liveness">Asked of every record, on the calling thread.</param>
    /// <returns>What came of it. <see cref="ReclaimOutcome.LookedThrough"/> is zero if nothing was old enough to be looked
    /// at: only what was put before the last durable checkpoint is.</returns>
    /// <exception cref="DiskFullException">There is no room for the copies; the store is as before.</exception>
    ReclaimOutcome ReclaimStep(long maxBytes, IRecordLiveness liveness);
}

/// <summary>What one step of reclaiming did. Where the share that was let go of is small, whoever paces the steps may
/// wait: the rest was copied for little gain.</summary>
/// <param name="LookedThrough">Bytes of the part of the store that was looked through, and is to go.</param>
/// <param name="LetGo">Bytes in that part that were not kept.</param>
public readonly record struct ReclaimOutcome(long LookedThrough, long LetGo);

/// <summary>A checkpoint under way.</summary>
public interface IRecordCheckpoint
{
    /// <summary>Opens the store as of here, once <see cref="IsDurable"/>. A few dozen bytes for the state's own
    /// checkpoint file.</summary>
    ReadOnlyMemory<byte> Token { get; }

    /// <summary>Whether it may be relied upon.</summary>
    /// <exception cref="StorageException">It failed. The store goes on without it, unless a sync failed.</exception>
    bool IsDurable { get; }

    /// <summary>Blocks until it is durable.</summary>
    /// <exception cref="StorageException">It failed.</exception>
    void Wait();
}

/// <summary>Reads records; used by one thread at a time.</summary>
public interface IRecordReader : IDisposable
{
    /// <summary>Hands out one record, if it is there.</summary>
    /// <exception cref="RecordCorruptException">It is there and damaged.</exception>
    bool TryRead(Revision revision, IRecordSink sink);

    /// <summary>Hands out records in the order asked for. Those on disk are fetched together.</summary>
    /// <exception cref="RecordMissingException">One is not there. Those before it have been handed out.</exception>
    /// <exception cref="RecordCorruptException">One is damaged.</exception>
    void Read(ReadOnlySpan<Revision> revisions, IRecordSink sink);
}

/// <summary>Takes what was read.</summary>
public interface IRecordSink
{
    /// <summary>One record. The bytes are valid during the call only, and the call should be short: it may hold up the
    /// store's memory.</summary>
    void Accept(Revision revision, ReadOnlySpan<byte> record);
}

/// <summary>Takes what a scan finds.</summary>
public interface IRecordVisitor
{
    /// <summary>One record; the bytes are valid during the call only.</summary>
    void Visit(Revision revision, ReadOnlySpan<byte> record);
}

/// <summary>Knows which records are still needed.</summary>
public interface IRecordLiveness
{
    /// <summary>Whether a record may still be asked for, by anybody, a restart from the last durable checkpoint
    /// included.</summary>
    bool IsLive(Revision revision, ReadOnlySpan<byte> record);
}
