using System.Buffers.Binary;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Backups;

/// <summary>
/// Puts records into the order of their revisions, however many there are: what does not fit into memory goes to a file, a
/// sorted run at a time, and the runs are read side by side.
/// </summary>
/// <example><code>
/// var sorter = new RevisionSorter(scratch);
/// sorter.Add(revision, record);
/// foreach (var (revision, record) in sorter.Sorted()) { … }
/// </code></example>
/// <param name="file">For the runs; empty.</param>
/// <param name="memoryBytes">How much may wait in memory.</param>
internal sealed class RevisionSorter(IFile file, int memoryBytes = 64 * 1024 * 1024)
{
    private const int HeadBytes = 20;
    private const int ItemOverheadBytes = 80;

    private readonly List<(long Start, long End)> _runs = [];
    private readonly List<(Revision Revision, byte[] Record)> _waiting = [];
    private long _waitingBytes;

    public void Add(Revision revision, ReadOnlySpan<byte> record)
    {
        _waiting.Add((revision, record.ToArray()));
        _waitingBytes += record.Length + ItemOverheadBytes;
        if (_waitingBytes > memoryBytes)
        {
            Spill();
        }
    }

    /// <summary>All of them, in order; a record is valid until the next is asked for.</summary>
    public IEnumerable<(Revision Revision, ReadOnlyMemory<byte> Record)> Sorted()
    {
        Sort();
        var sources = new List<IEnumerator<(Revision Revision, ReadOnlyMemory<byte> Record)>>
        {
            _waiting.Select(item => (item.Revision, (ReadOnlyMemory<byte>)item.Record)).GetEnumerator(),
        };
        sources.AddRange(_runs.Select(run => Read(run.Start, run.End).GetEnumerator()));
        var next = new PriorityQueue<IEnumerator<(Revision Revision, ReadOnlyMemory<byte> Record)>, Revision>();
        foreach (var source in sources.Where(source => source.MoveNext()))
        {
            next.Enqueue(source, source.Current.Revision);
        }

        while (next.TryDequeue(out var source, out _))
        {
            yield return source.Current;
            if (source.MoveNext())
            {
                next.Enqueue(source, source.Current.Revision);
            }
        }
    }

    private void Sort() => _waiting.Sort(static (left, right) => left.Revision.CompareTo(right.Revision));

    private void Spill()
    {
        Sort();
        var start = _runs.Count > 0 ? _runs[^1].End : 0;
        var at = start;
        var buffer = new MemoryStream();
        Span<byte> head = stackalloc byte[HeadBytes];
        foreach (var (revision, record) in _waiting)
        {
            BinaryPrimitives.WriteInt64LittleEndian(head, revision.Main);
            BinaryPrimitives.WriteInt64LittleEndian(head[8..], revision.Sub);
            BinaryPrimitives.WriteInt32LittleEndian(head[16..], record.Length);
            buffer.Write(head);
            buffer.Write(record);
            if (buffer.Length > 1024 * 1024)
            {
                at = Flush(buffer, at);
            }
        }

        _runs.Add((start, Flush(buffer, at)));
        _waiting.Clear();
        _waitingBytes = 0;
    }

    private long Flush(MemoryStream buffer, long at)
    {
        file.WriteAt(at, buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
        at += buffer.Length;
        buffer.SetLength(0);
        return at;
    }

    private IEnumerable<(Revision Revision, ReadOnlyMemory<byte> Record)> Read(long start, long end)
    {
        var buffer = new byte[64 * 1024];
        var (from, to) = (0, 0);
        for (var at = start; at < end || from < to;)
        {
            var length = to - from < HeadBytes ? HeadBytes : HeadBytes + BinaryPrimitives.ReadInt32LittleEndian(buffer.AsSpan(from + 16));
            if (to - from < length)
            {
                buffer.AsSpan(from, to - from).CopyTo(buffer);
                (from, to) = (0, to - from);
                if (length > buffer.Length)
                {
                    Array.Resize(ref buffer, length);
                }

                var read = file.ReadAt(at, buffer.AsSpan(to, (int)Math.Min(buffer.Length - to, end - at)));
                (at, to) = (at + read, to + read);
                continue;
            }

            var revision = new Revision(
                BinaryPrimitives.ReadInt64LittleEndian(buffer.AsSpan(from)), BinaryPrimitives.ReadInt64LittleEndian(buffer.AsSpan(from + 8)));
            yield return (revision, buffer.AsMemory(from + HeadBytes, length - HeadBytes));
            from += length;
        }
    }
}
