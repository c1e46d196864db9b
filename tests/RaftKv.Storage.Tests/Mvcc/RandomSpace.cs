using System.Text;
using RaftKv.Raft;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;

namespace RaftKv.Storage.Tests.Mvcc;

/// <summary>
/// A key space that is written to, compacted, reclaimed, looked at and pulled the plug on at random, beside the plainest
/// model there is: the list of all changes ever made. What somebody sees at a revision follows from the list alone.
/// </summary>
internal sealed class RandomSpace : IDisposable
{
    private const string Folder = "/records";
    private const ulong Identity = 0xFEED;

    private readonly Chance _chance;
    private readonly KeySpaceFaults _faults;
    private readonly IRecordStoreMaker _maker;
    private readonly SimulatedFileSystem _disk;

    // What a history is like differs from seed to seed: some mistakes show among few keys only, or under old views.
    private readonly int _keyCount;
    private readonly bool _keepsViews;
    private readonly bool _tidiesOften;
    private readonly int _restartOneIn;

    // What was done, to be done again after a restart; a compaction is a revision.
    private readonly List<List<(string Key, string? Value, long Lease)>?> _log = [];
    private readonly List<long> _compactions = [];

    private readonly List<ModelChange> _changes = [];
    private readonly List<KeySpaceView> _views = [];
    private KeySpace _space;
    private long _revision = 1;
    private long _compacted = -1;
    private (ReadOnlyMemory<byte> Token, KeySpacePosition Position, int Applied, int Changes)? _durable;
    private (IRecordCheckpoint Checkpoint, KeySpacePosition Position, int Applied, int Changes)? _begun;

    public RandomSpace(ulong seed, KeySpaceFaults faults, Func<IFileSystem, IRecordStoreMaker>? maker = null)
    {
        _chance = new Chance(seed);
        _faults = faults;
        _disk = new SimulatedFileSystem(_chance.Stream("disk"));
        _disk.CreateDirectory(Folder);
        _disk.SyncDirectory("/");
        _maker = maker is null
            ? new LogRecordStoreMaker(_disk, new LogRecordStoreOptions { SegmentBytes = _chance.Pick<int>([256, 600, 3000]), BufferBytes = 100 })
            : maker(_disk);
        _keyCount = _chance.Pick<int>([2, 4, 12]);
        _keepsViews = _chance.CoinToss();
        _tidiesOften = _chance.CoinToss();
        _restartOneIn = _chance.Pick<int>([2, 6, 20]);
        _space = new KeySpace(_maker.Create(Folder, Identity), faults);
    }

    public void Play(int steps = 300)
    {
        for (var step = 0; step < steps; step++)
        {
            Step();
        }

        foreach (var view in _views)
        {
            Check(view);
        }

        Restart();
        Settle();
        Restart();
        FinishCompaction();
        Settle();
        CheckNow();
    }

    public void Dispose() => _space.Dispose();

    private void Step()
    {
        switch (_chance.Below(26))
        {
            case < 8:
                Write();
                break;
            case < 12:
                _space.Publish();
                break;
            case 12:
                Compact();
                break;
            case < 16:
                _space.CompactStep(_chance.Between(1, 6));
                break;
            case 16:
                BeginCheckpoint();
                break;
            case 17:
                FinishCheckpoint();
                break;
            case < 21:
                _space.ReclaimStep(_chance.Pick<long>([1, 1, 200, 5000]));
                break;
            case 21 when _views.Count < 5:
                _views.Add(_space.OpenView());
                break;
            case 22 when _views.Count > 0 && (!_keepsViews || _chance.Happens(1, 8)):
                var closed = _chance.Below(_views.Count);
                Check(_views[closed]);
                _views[closed].Dispose();
                _views.RemoveAt(closed);
                break;
            case 23 when _views.Count > 0:
                Check(_views[_chance.Below(_views.Count)]);
                break;
            case 24 when _chance.Happens(1, _restartOneIn):
                Restart();
                break;
            case 25 when _tidiesOften:
                Tidy();
                break;
            default:
                using (var view = _space.OpenView())
                {
                    Check(view);
                }

                break;
        }
    }

    private void Write()
    {
        var changes = new List<(string Key, string? Value, long Lease)>();
        for (var i = _chance.Between(1, 3); i > 0; i--)
        {
            var key = $"k{_chance.Below(_keyCount)}";
            if (!changes.Exists(change => change.Key == key))
            {
                var value = _chance.Happens(1, 3) ? null : $"{_log.Count}.{new string('v', _chance.Pick<int>([0, 10, 100]))}";
                changes.Add((key, value, value is not null && _chance.Happens(1, 3) ? _chance.Between(1, 3) : 0));
            }
        }

        _log.Add(changes);
        _compactions.Add(0);
        Apply(changes);
    }

    private void Compact()
    {
        if (_revision > _compacted)
        {
            _log.Add(null);
            _compactions.Add(_chance.CoinToss() ? _revision : _chance.Between(_compacted + 1, _revision));
            Apply(_log.Count - 1);
        }
    }

    private void Apply(int index)
    {
        if (_log[index] is { } changes)
        {
            Apply(changes);
        }
        else
        {
            _compacted = _compactions[index];
            _space.Compact(_compacted);
        }
    }

    private void Apply(List<(string Key, string? Value, long Lease)> changes)
    {
        _space.BeginWrite();
        var sub = 0L;
        foreach (var (key, value, lease) in changes)
        {
            var bytes = Encoding.UTF8.GetBytes(key);
            var before = _changes.FindLast(change => change.Key == key);
            var revision = new Revision(_revision + 1, sub);
            if (value is null)
            {
                var wasThere = _space.Delete(bytes, out var found);
                Assert.Equal(before is { Value: not null }, wasThere);
                if (!wasThere)
                {
                    continue;
                }

                Assert.Equal(before!.Revision, found.Modified);
                _changes.Add(new ModelChange(revision, key, null, 0, 0, 0));
            }
            else
            {
                var change = _space.Put(bytes, Encoding.UTF8.GetBytes(value), lease);
                var isAlive = before is { Value: not null };
                _changes.Add(new ModelChange(
                    revision, key, value, isAlive ? before!.Created : revision.Main, isAlive ? before!.Version + 1 : 1, lease));
                Assert.Equal(_changes[^1].Version, change.After.Version);
            }

            sub++;
            if (_chance.Happens(1, 8))
            {
                using var meanwhile = _space.OpenView();
                Assert.True(meanwhile.Revision <= _revision, "a write that has not ended is seen");
                Check(meanwhile);
            }
        }

        _space.EndWrite();
        _revision += sub > 0 ? 1 : 0;
        Assert.Equal(_revision, _space.Revision);
    }

    private void BeginCheckpoint()
    {
        // What is put after the position was taken may be there at a restart or not.
        var (position, applied, changes) = (_space.Position, _log.Count, _changes.Count);
        if (_chance.Happens(1, 3))
        {
            Write();
        }

        _begun = (_space.BeginCheckpoint(), position, applied, changes);
    }

    private void FinishCheckpoint()
    {
        if (_begun is { } begun)
        {
            begun.Checkpoint.Wait();
            _durable = (begun.Checkpoint.Token.ToArray(), begun.Position, begun.Applied, begun.Changes);
            _begun = null;
            _space.ReleaseBefore(_durable.Value.Token);
        }
    }

    private void Restart()
    {
        _views.Clear();
        _space.Dispose();
        _begun = null;
        _disk.Crash();
        var from = 0;
        if (_durable is { } durable)
        {
            _space = KeySpace.Open(_maker.Open(Folder, Identity, durable.Token), durable.Position, _faults);
            from = durable.Applied;
            _changes.RemoveRange(durable.Changes, _changes.Count - durable.Changes);
            (_revision, _compacted) = (durable.Position.Revision, durable.Position.Compacted);
            CheckLeases();
        }
        else
        {
            _space = new KeySpace(_maker.Create(Folder, Identity), _faults);
            _changes.Clear();
            (_revision, _compacted) = (1, -1);
        }

        Assert.Equal(_revision, _space.Revision);
        CheckNow();
        for (; from < _log.Count; from++)
        {
            Apply(from);
        }

        _space.Publish();
        CheckNow();
    }

    private void Tidy()
    {
        FinishCompaction();
        Checkpoint();
        while (_space.ReclaimStep(_chance.Pick<long>([1, 300, 10_000])).LookedThrough > 0)
        {
        }

        Checkpoint();
    }

    private void Checkpoint()
    {
        FinishCheckpoint();
        BeginCheckpoint();
        FinishCheckpoint();
    }

    // Everything that can go goes, and what is left is exactly what is needed.
    private void Settle()
    {
        for (var round = 0; round < 5; round++)
        {
            Tidy();
        }

        var needed = _changes.Where(IsNeeded).Sum(change => change.Bytes + 32L);
        Assert.Equal(needed, _space.LiveBytes);
        Assert.True(_space.DiskBytes < (4 * needed) + 4000, $"{_space.DiskBytes} bytes on disk for {needed}");
        CheckNow();
    }

    private void FinishCompaction()
    {
        while (_space.CompactStep(_chance.Between(1, 50)))
        {
        }

        _space.Publish();
    }

    private bool IsNeeded(ModelChange change)
    {
        if (change.Revision.Main >= _compacted)
        {
            return true;
        }

        var newest = _changes.FindLast(other => other.Key == change.Key && other.Revision.Main <= _compacted);
        return newest == change && change.Value is not null;
    }

    private void CheckNow()
    {
        using var view = _space.OpenView();
        Check(view);
    }

    private void CheckLeases()
    {
        var leased = _space.TakeLeasedKeys().Select(found => (Encoding.UTF8.GetString(found.Key.Span), found.Lease));
        var expected = _changes.GroupBy(change => change.Key).Select(group => group.Last())
            .Where(change => change.Lease != 0).Select(change => (change.Key, change.Lease));

        // A scan may come upon a record twice.
        Assert.Equal(expected.Order(), leased.Distinct().Order());
    }

    private void Check(KeySpaceView view)
    {
        for (var i = 0; i < 3; i++)
        {
            var revision = i == 0 ? view.Revision : _chance.Between(Math.Max(1, view.Compacted), view.Revision);
            var expected = _changes.Where(change => change.Revision.Main <= revision)
                .GroupBy(change => change.Key).Select(group => group.Last())
                .Where(change => change.Value is not null)
                .OrderBy(change => change.Key, StringComparer.Ordinal).ToList();
            var found = new List<ModelChange>();
            var keys = view.Keys.Scan(KeyRange.All, revision);
            while (keys.MoveNext())
            {
                var sink = new Records.CollectingSink();
                view.Read([keys.Current.Modified], sink);
                found.Add(ModelChange.Of(sink.Records[0].Revision, sink.Records[0].Record));
            }

            Assert.Equal(expected, found);
            Assert.Equal(expected.Count, view.Keys.Count(KeyRange.All, revision));
        }

        var first = _chance.CoinToss() ? Math.Max(0, view.Compacted) : _chance.Between(Math.Max(0, view.Compacted), view.Revision);
        var last = _chance.Between(first, view.Revision);
        var history = new HistoryCollection();
        Assert.Equal(last + 1, view.ReadHistory(first, last, history));
        Assert.Equal(
            _changes.Where(change => change.Revision.Main >= first && change.Revision.Main <= last),
            history.Changes.Select(change => ModelChange.Of(change.Revision, change.Record)));
    }

    private sealed record ModelChange(Revision Revision, string Key, string? Value, long Created, long Version, long Lease)
    {
        public int Bytes => Key.Length + (Value?.Length ?? 0);

        public static ModelChange Of(Revision revision, byte[] record)
        {
            var fields = RecordFormat.Read(record);
            Assert.Equal(revision.Main, fields.Modified);
            var value = fields.IsTombstone ? null : Encoding.UTF8.GetString(fields.Value);
            return new ModelChange(
                revision, Encoding.UTF8.GetString(fields.Key), value, fields.Created, fields.Version, fields.Lease);
        }
    }
}
