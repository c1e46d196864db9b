using System.Buffers;
using System.Buffers.Binary;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Snapshots;

/// <summary>
/// Writes the state that a view shows, a piece at a time, while writes go on. The same view gives the same bytes every
/// time, so that a transfer that was cut can be taken up again.
/// </summary>
/// <example><code>
/// var snapshot = new StateSnapshotWriter(tables, view);
/// while (snapshot.TryWrite(buffer)) { … send and clear the buffer … }
/// </code></example>
public sealed class StateSnapshotWriter
{
    // A piece is about as long.
    private const int PieceBytes = 256 * 1024;
    private const int KeysAtOnce = 512;

    private readonly ReadOnlyMemory<byte> _tables;
    private readonly KeySpaceView _view;
    private readonly ArrayBufferWriter<byte> _content = new(PieceBytes + 4096);
    private readonly Collector _collector;
    private readonly List<Revision> _revisions = [];
    private Stage _stage = Stage.Start;
    private KeyCursor? _keys;
    private long _next;
    private uint _sum;
    private long _records;

    /// <param name="tables">As of the same moment as the view.</param>
    /// <param name="view">To be kept open until the end.</param>
    public StateSnapshotWriter(ReadOnlyMemory<byte> tables, KeySpaceView view)
    {
        _tables = tables;
        _view = view;
        _collector = new Collector(this);
    }

    private enum Stage
    {
        Start,
        AtHorizon,
        RestOfHorizon,
        AfterHorizon,
        End,
        Done,
    }

    /// <summary>Writes the next piece.</summary>
    /// <returns>False if there was none left.</returns>
    public bool TryWrite(IBufferWriter<byte> to)
    {
        switch (_stage)
        {
            case Stage.Start:
                WriteStart(to);
                _stage = _view.Compacted > 0 ? Stage.AtHorizon : Stage.AfterHorizon;
                _next = Math.Max(1, _view.Compacted + 1);
                return true;
            case Stage.AtHorizon:
                CollectAtHorizon();
                break;
            case Stage.RestOfHorizon:
                _collector.SkipsWhatStands = true;
                _view.ReadHistory(_view.Compacted, _view.Compacted, _collector);
                _collector.SkipsWhatStands = false;
                _stage = Stage.AfterHorizon;
                break;
            case Stage.AfterHorizon:
                _next = _view.ReadHistory(_next, _view.Revision, _collector);
                _stage = _next > _view.Revision ? Stage.End : Stage.AfterHorizon;
                break;
            case Stage.End:
                BinaryPrimitives.WriteInt64LittleEndian(_content.GetSpan(sizeof(long)), _records);
                _content.Advance(sizeof(long));
                WriteFrame(to, SnapshotFrame.End, _content.WrittenSpan);
                _stage = Stage.Done;
                return true;
            default:
                return false;
        }

        if (_content.WrittenCount > 0)
        {
            WriteFrame(to, SnapshotFrame.Records, _content.WrittenSpan);
            _content.ResetWrittenCount();
            return true;
        }

        return TryWrite(to);
    }

    private void WriteStart(IBufferWriter<byte> to)
    {
        var start = to.GetSpan(SnapshotFormat.StartBytes);
        SnapshotFormat.Magic.CopyTo(start);
        BinaryPrimitives.WriteUInt32LittleEndian(start[SnapshotFormat.Magic.Length..], SnapshotFormat.Version);
        to.Advance(SnapshotFormat.StartBytes);
        WriteFrame(to, SnapshotFrame.Tables, _tables.Span);
    }

    private void CollectAtHorizon()
    {
        _keys ??= _view.Keys.Scan(KeyRange.All, _view.Compacted);
        while (_content.WrittenCount < PieceBytes)
        {
            _revisions.Clear();
            while (_revisions.Count < KeysAtOnce && _keys.MoveNext())
            {
                _revisions.Add(_keys.Current.Modified);
            }

            if (_revisions.Count == 0)
            {
                _keys = null;
                _stage = Stage.RestOfHorizon;
                return;
            }

            _view.Read(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_revisions), _collector);
        }
    }

    private void WriteFrame(IBufferWriter<byte> to, SnapshotFrame kind, ReadOnlySpan<byte> content)
    {
        _sum = SnapshotFormat.Sum(_sum, kind, content);
        var head = to.GetSpan(SnapshotFormat.FrameHeadBytes);
        head[0] = (byte)kind;
        BinaryPrimitives.WriteInt32LittleEndian(head[1..], content.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[5..], _sum);
        to.Advance(SnapshotFormat.FrameHeadBytes);
        to.Write(content);
    }

    private void Add(Revision revision, ReadOnlySpan<byte> record)
    {
        var writer = new StateWriter(_content);
        writer.Number((ulong)revision.Main);
        writer.Number((ulong)revision.Sub);
        writer.Bytes(record);
        _records++;
    }

    private sealed class Collector(StateSnapshotWriter writer) : IHistorySink
    {
        public bool SkipsWhatStands { get; set; }

        public void Accept(Revision revision, ReadOnlySpan<byte> record)
        {
            // What stood at the horizon is written already; what else happened in that very revision is not.
            if (!SkipsWhatStands
                || !writer._view.Keys.TryFind(RecordFormat.Read(record).Key, writer._view.Compacted, out var standing)
                || standing.Modified != revision)
            {
                writer.Add(revision, record);
            }
        }

        public bool EndOfRevision(long main) => writer._content.WrittenCount < PieceBytes;
    }
}
