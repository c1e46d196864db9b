using System.Buffers;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Storage.State;

/// <summary>Writes records as the keys of a <c>RangeResponse</c>.</summary>
/// <param name="to">Where to.</param>
/// <param name="withoutValues">Whether only keys were asked for.</param>
internal sealed class RecordsToWire(IBufferWriter<byte> to, bool withoutValues) : IRecordSink
{
    private const int KvsField = 2;

    public void Accept(Revision revision, ReadOnlySpan<byte> record)
    {
        if (withoutValues)
        {
            var fields = RecordFormat.Read(record);
            Write(fields.Key, new KeyRevision(new Revision(fields.Modified, 0), fields.Created, fields.Version, 0), fields.Lease);
        }
        else
        {
            Wire.Bytes(to, KvsField, record);
        }
    }

    /// <summary>A key without its value and without a lease, whose record need not be read.</summary>
    public void Accept(ReadOnlySpan<byte> key, in KeyRevision item) => Write(key, item, lease: 0);

    private void Write(ReadOnlySpan<byte> key, in KeyRevision item, long lease)
    {
        var bytes = RecordFormat.Bytes(key.Length, item, valueBytes: 0, lease);
        Wire.Tag(to, KvsField, isBytes: true);
        var span = to.GetSpan(10 + bytes);
        var at = RecordFormat.WriteVarint(span, (ulong)bytes);
        RecordFormat.Write(span[at..], key, item, default, lease);
        to.Advance(at + bytes);
    }
}
