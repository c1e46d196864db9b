using RaftKv.Raft;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Tests.Mvcc;

/// <summary>Random histories, played to the index and to the naive model; every answer must be the same.</summary>
public sealed class KeyIndexModelTests
{
    public static TheoryData<ulong> Seeds => Tests.Seeds.Some(20);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Answers_as_the_model_does(ulong seed)
    {
        try
        {
            new History(seed).Play();
        }
        catch (Exception broken)
        {
            throw new InvalidOperationException($"seed {seed}: {broken.Message}", broken);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Restoring_the_records_in_any_order_gives_the_same_index(ulong seed)
    {
        var history = new History(seed);
        history.Play();
        var records = history.Model.All.ToArray();
        new Chance(seed).Stream("order").Shuffle(records.AsSpan());

        var restored = new KeyIndex();
        foreach (var (key, item) in records.Concat(records.Take(records.Length / 10)))
        {
            restored.Restore(key, item);
        }

        restored.CheckInvariants();
        var snapshot = restored.Publish();
        foreach (var (key, item) in records)
        {
            Assert.True(snapshot.IsLive(key, item.Modified), $"seed {seed}");
        }

        foreach (var revision in (long[])[history.Model.Horizon, long.MaxValue])
        {
            History.AssertSame(history.Model.Range(KeyRange.All, revision), snapshot.Scan(KeyRange.All, revision), $"seed {seed}");
        }
    }

    private sealed class History
    {
        private readonly Chance _chance;
        private readonly KeyIndex _index = new();
        private readonly List<byte[]> _keys = [];
        private readonly List<(KeySnapshot Snapshot, NaiveKeys Model)> _kept = [];
        private readonly ulong _seed;
        private readonly int _hotKeys;
        private readonly List<KeyRevision> _removed = [];
        private List<KeyRevision> _mustBeRemoved = [];
        private long _main = 1;

        public History(ulong seed)
        {
            _seed = seed;
            _chance = new Chance(seed);
            var keys = _chance.Pick<int>([3, 40, 400, 3000]);
            _hotKeys = _chance.Between(1, 3);
            while (_keys.Count < keys)
            {
                _keys.Add(RandomKey());
            }
        }

        public NaiveKeys Model { get; } = new();

        public void Play()
        {
            for (var round = 0; round < 40; round++)
            {
                Write(_chance.Between(1, 150));
                if (_chance.Happens(1, 3))
                {
                    Compact();
                }

                _index.CheckInvariants();
                Ask(_index.Working, Model, 2);
                if (_chance.CoinToss())
                {
                    var snapshot = _index.Publish();
                    Assert.Same(snapshot, _index.Published);
                    if (_chance.Happens(1, 4))
                    {
                        _kept.Add((snapshot, Model.Copy()));
                    }
                }
            }

            FinishCompaction();
            foreach (var (snapshot, model) in _kept)
            {
                Ask(snapshot, model, 5);
            }

            AskEverything(_index.Working);
        }

        public static void AssertSame(List<(byte[] Key, KeyRevision Item)> expected, KeyCursor found, string where)
        {
            foreach (var (key, item) in expected)
            {
                Assert.True(found.MoveNext(), where);
                Assert.True(found.Key.SequenceEqual(key), where);
                Assert.Equal(item, found.Current);
            }

            Assert.False(found.MoveNext(), where);
        }

        private void Write(int revisions)
        {
            for (var i = 0; i < revisions; i++)
            {
                _main++;
                var changes = _chance.Happens(1, 10) ? _chance.Between(2, 20) : 1;
                for (var sub = 0; sub < changes; sub++)
                {
                    var key = _chance.CoinToss() ? _keys[_chance.Below(Math.Min(_hotKeys, _keys.Count))] : _keys[_chance.Below(_keys.Count)];
                    var revision = new Revision(_main, sub);
                    if (_chance.Happens(1, 4))
                    {
                        var before = Model.At(key, long.MaxValue);
                        Assert.Equal(Model.Delete(key, revision), _index.Delete(key, revision, out var found));
                        Assert.Equal(before, found);
                    }
                    else
                    {
                        var before = Model.At(key, long.MaxValue);
                        var isLeased = _chance.Happens(1, 3);
                        var valueBytes = _chance.Pick<int>([0, 1, 200, 100_000]);
                        var change = _index.Put(key, revision, valueBytes, isLeased);
                        Assert.Equal(Model.Put(key, revision, valueBytes, isLeased), change.After);
                        Assert.Equal(before, change.Before.IsLive ? change.Before : default);
                    }
                }
            }
        }

        private void Compact()
        {
            if (!_index.IsCompacting)
            {
                FinishCompaction();
                var horizon = _chance.CoinToss() ? _main : _chance.Between(Model.Horizon, _main);
                _index.StartCompaction(horizon);
                _mustBeRemoved = Model.Compact(horizon);
            }

            for (var steps = _chance.Between(1, 20); steps > 0 && _index.CompactStep(_chance.Between(1, 40), _removed); steps--)
            {
            }
        }

        private void FinishCompaction()
        {
            while (_index.CompactStep(_chance.Between(1, 400), _removed))
            {
            }

            Assert.Equal(_mustBeRemoved.OrderBy(item => item.Modified), _removed.OrderBy(item => item.Modified));
            _removed.Clear();
            _mustBeRemoved.Clear();
        }

        private void Ask(KeySnapshot snapshot, NaiveKeys model, int times)
        {
            for (var i = 0; i < times; i++)
            {
                var revision = _chance.Happens(1, 3) ? long.MaxValue : _chance.Between(model.Horizon, _main);
                var range = RandomRange();
                var expected = model.Range(range, revision);
                var where = $"seed {_seed}, range {range} at {revision}";
                AssertSame(expected, snapshot.Scan(range, revision), where);
                Assert.Equal(expected.Count, snapshot.Count(range, revision));
                expected.Reverse();
                AssertSame(expected, snapshot.Scan(range, revision, isDescending: true), where);

                for (var n = 0; n < 10; n++)
                {
                    var key = _chance.Happens(1, 5) ? RandomKey() : _chance.Pick<byte[]>([.. _keys]);
                    Assert.Equal(model.At(key, revision).IsLive, snapshot.TryFind(key, revision, out var found));
                    Assert.Equal(model.At(key, revision), found);
                }
            }
        }

        private void AskEverything(KeySnapshot snapshot)
        {
            Assert.Equal(_main, Math.Max(_main, snapshot.Latest));
            Assert.Equal(Model.Range(KeyRange.All, long.MaxValue).Count, snapshot.LiveKeys);
            foreach (var (key, item) in Model.All)
            {
                Assert.True(snapshot.IsLive(key, item.Modified));
                Assert.False(snapshot.IsLive(key, new Revision(item.Modified.Main, 1000)));
                var main = Math.Max(item.Modified.Main, Model.Horizon);
                snapshot.TryFind(key, main, out var found);
                Assert.Equal(Model.At(key, main), found);
            }
        }

        private KeyRange RandomRange()
        {
            var start = _chance.CoinToss() ? _keys[_chance.Below(_keys.Count)] : RandomKey();
            var end = _chance.CoinToss() ? _keys[_chance.Below(_keys.Count)] : RandomKey();
            return _chance.Below(6) switch
            {
                0 => KeyRange.All,
                1 => KeyRange.From(start),
                2 => KeyRange.Exactly(start),
                3 => KeyRange.Prefix(start.AsMemory(0, Math.Min(start.Length, _chance.Between(1, 8)))),
                _ => KeyRange.Of(start, end),
            };
        }

        private byte[] RandomKey()
        {
            byte[] key;
            switch (_chance.Below(40))
            {
                case 0:
                    key = new byte[_chance.Between(1, 65536)];
                    Array.Fill(key, _chance.Pick<byte>([0x00, 0xff, (byte)'a']));
                    key[^1] = (byte)_chance.Below(256);
                    return key;
                case < 8:
                    key = new byte[_chance.Between(1, 3)];
                    for (var i = 0; i < key.Length; i++)
                    {
                        key[i] = _chance.Pick<byte>([0x00, 0x01, 0xff, 0xfe, (byte)'/']);
                    }

                    return key;
                default:
                    var prefix = _chance.Pick<string>(["/registry/pods/default/", "/registry/events/", "/registry/", "x"]);
                    return System.Text.Encoding.UTF8.GetBytes($"{prefix}{_chance.Below(5000)}");
            }
        }
    }
}
