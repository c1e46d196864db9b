using RaftKv.Raft;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;

namespace RaftKv.Storage.Tests.Records;

/// <summary>
/// A record store in memory that keeps its promises and not one more: what may be there after an opening is there or not,
/// as chance will have it, and a scan comes in no order. Whoever relies on how the other stores happen to be made fails
/// on this one.
/// </summary>
/// <remarks>A log, like the others: what was let go of is a part of its beginning, what was put too late a part of its
/// end.</remarks>
internal sealed class LooseRecordStoreMaker(Chance chance) : IRecordStoreMaker
{
    private readonly Dictionary<string, LooseRecordLog> _logs = [];

    public string Name => "loose";

    public IRecordStore Create(string directory, ulong identity)
        => new LooseRecordStore(_logs[directory] = new LooseRecordLog(), first: 0, end: 0, chance);

    public IRecordStore Open(string directory, ulong identity, ReadOnlyMemory<byte> token)
    {
        var log = _logs[directory];
        var (reclaimed, end) = log.Checkpoints[BitConverter.ToInt32(token.Span)];
        var first = chance.Between(log.Gone, reclaimed);
        end = chance.CoinToss() ? end : chance.Between(end, log.Entries.Count);
        log.Entries.RemoveRange(end, log.Entries.Count - end);
        return new LooseRecordStore(log, first, end, chance);
    }

    public void Delete(string directory) => _logs.Remove(directory);
}

/// <summary>What is on the disk.</summary>
internal sealed class LooseRecordLog
{
    public List<(Revision Revision, byte[] Record)> Entries { get; } = [];

    /// <summary>How far it had been reclaimed, and how long it was, when each was begun.</summary>
    public List<(int Reclaimed, int End)> Checkpoints { get; } = [];

    /// <summary>Everything before was let go of for good.</summary>
    public int Gone { get; set; }
}

internal sealed class LooseRecordStore : IRecordStore
{
    private readonly LooseRecordLog _log;
    private readonly Chance _chance;
    private readonly Dictionary<Revision, int> _places = [];
    private int _reclaimed;
    private int _durableEnd;

    public LooseRecordStore(LooseRecordLog log, int first, int end, Chance chance)
    {
        _log = log;
        _chance = chance;
        _reclaimed = first;
        _durableEnd = end;
        for (var at = first; at < end; at++)
        {
            _places[log.Entries[at].Revision] = at;
        }
    }

    public long DiskBytes => _log.Entries.Skip(_log.Gone).Sum(entry => entry.Record.Length + 32L);

    public void Put(Revision revision, ReadOnlySpan<byte> record)
    {
        _places[revision] = _log.Entries.Count;
        _log.Entries.Add((revision, record.ToArray()));
    }

    public IRecordReader OpenReader() => new Reader(this);

    public IRecordCheckpoint BeginCheckpoint()
    {
        _log.Checkpoints.Add((_reclaimed, _log.Entries.Count));
        _durableEnd = _log.Entries.Count;
        return new Checkpoint(BitConverter.GetBytes(_log.Checkpoints.Count - 1));
    }

    public void ReleaseBefore(ReadOnlyMemory<byte> checkpointToken)
        => _log.Gone = Math.Max(_log.Gone, _chance.Between(_log.Gone, _log.Checkpoints[BitConverter.ToInt32(checkpointToken.Span)].Reclaimed));

    public void Scan(IRecordVisitor visitor)
    {
        var places = _places.Values.ToArray();
        _chance.Shuffle<int>(places);
        foreach (var place in places)
        {
            visitor.Visit(_log.Entries[place].Revision, _log.Entries[place].Record);
            if (_chance.Happens(1, 4))
            {
                var again = _chance.Pick<int>(places);
                visitor.Visit(_log.Entries[again].Revision, _log.Entries[again].Record);
            }
        }
    }

    public ReclaimOutcome ReclaimStep(long maxBytes, IRecordLiveness liveness)
    {
        var (lookedThrough, letGo) = (0L, 0L);
        for (; lookedThrough < maxBytes && _reclaimed < _durableEnd; _reclaimed++)
        {
            var (revision, record) = _log.Entries[_reclaimed];
            var bytes = record.Length + 32;
            lookedThrough += bytes;
            if (!_places.TryGetValue(revision, out var place) || place != _reclaimed)
            {
                letGo += bytes;
            }
            else if (liveness.IsLive(revision, record))
            {
                Put(revision, record);
            }
            else
            {
                _places.Remove(revision);
                letGo += bytes;
            }
        }

        return new ReclaimOutcome(lookedThrough, letGo);
    }

    public void Dispose()
    {
    }

    private sealed class Checkpoint(byte[] token) : IRecordCheckpoint
    {
        public ReadOnlyMemory<byte> Token => token;

        public bool IsDurable => true;

        public void Wait()
        {
        }
    }

    private sealed class Reader(LooseRecordStore store) : IRecordReader
    {
        public bool TryRead(Revision revision, IRecordSink sink)
        {
            if (!store._places.TryGetValue(revision, out var place))
            {
                return false;
            }

            sink.Accept(revision, store._log.Entries[place].Record);
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
