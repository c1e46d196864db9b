using System.Collections.Concurrent;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;

namespace RaftKv.Storage.Tests.Watch;

/// <summary>Records in a table, read on any number of threads; what reclaiming lets go of is gone at once.</summary>
internal sealed class MemoryRecords : IRecordStore
{
    private readonly ConcurrentDictionary<Revision, byte[]> _records = [];

    public long DiskBytes => 0;

    /// <summary>How many records were read.</summary>
    public long Reads { get; private set; }

    /// <summary>A record that cannot be read for now.</summary>
    public Revision? Damaged { get; set; }

    public void Put(Revision revision, ReadOnlySpan<byte> record) => _records[revision] = record.ToArray();

    public IRecordReader OpenReader() => new Reader(this);

    public IRecordCheckpoint BeginCheckpoint() => new Checkpoint();

    public void ReleaseBefore(ReadOnlyMemory<byte> checkpointToken)
    {
    }

    public void Scan(IRecordVisitor visitor)
    {
        foreach (var (revision, record) in _records)
        {
            visitor.Visit(revision, record);
        }
    }

    public ReclaimOutcome ReclaimStep(long maxBytes, IRecordLiveness liveness)
    {
        var bytes = 0L;
        foreach (var (revision, record) in _records)
        {
            if (!liveness.IsLive(revision, record))
            {
                _records.TryRemove(revision, out _);
                bytes += record.Length;
            }
        }

        return new ReclaimOutcome(bytes, bytes);
    }

    public void Dispose()
    {
    }

    private sealed class Checkpoint : IRecordCheckpoint
    {
        public ReadOnlyMemory<byte> Token => default;

        public bool IsDurable => true;

        public void Wait()
        {
        }
    }

    private sealed class Reader(MemoryRecords store) : IRecordReader
    {
        public bool TryRead(Revision revision, IRecordSink sink)
        {
            if (!store._records.TryGetValue(revision, out var record))
            {
                return false;
            }

            if (revision == store.Damaged)
            {
                throw new IOException($"{revision} is damaged.");
            }

            store.Reads++;
            sink.Accept(revision, record);
            return true;
        }

        public void Read(ReadOnlySpan<Revision> revisions, IRecordSink sink)
        {
            foreach (var revision in revisions)
            {
                if (!TryRead(revision, sink))
                {
                    throw new RecordMissingException("memory", revision);
                }
            }
        }

        public void Dispose()
        {
        }
    }
}
