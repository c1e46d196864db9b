using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;

namespace RaftKv.Benchmarks.Watch;

/// <summary>Records in memory, so that no disk is measured.</summary>
internal sealed class MemoryTable : IRecordStore, IRecordReader
{
    private readonly Dictionary<Revision, byte[]> _records = [];

    public long DiskBytes => 0;

    public void Put(Revision revision, ReadOnlySpan<byte> record) => _records[revision] = record.ToArray();

    public IRecordReader OpenReader() => this;

    public IRecordCheckpoint BeginCheckpoint() => throw new NotSupportedException();

    public void ReleaseBefore(ReadOnlyMemory<byte> checkpointToken) => throw new NotSupportedException();

    public void Scan(IRecordVisitor visitor) => throw new NotSupportedException();

    public ReclaimOutcome ReclaimStep(long maxBytes, IRecordLiveness liveness) => default;

    public bool TryRead(Revision revision, IRecordSink sink)
    {
        if (!_records.TryGetValue(revision, out var record))
        {
            return false;
        }

        sink.Accept(revision, record);
        return true;
    }

    public void Read(ReadOnlySpan<Revision> revisions, IRecordSink sink)
    {
        foreach (var revision in revisions)
        {
            TryRead(revision, sink);
        }
    }

    public void Dispose()
    {
    }
}
