using Google.Protobuf;
using RaftKv.Raft;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Watch;

namespace RaftKv.Storage.Tests.Watch;

/// <summary>Random stores, clients and troubles; every response is held against the guarantees of a watch.</summary>
public sealed class WatchModelTests
{
    public static TheoryData<ulong> Seeds => Tests.Seeds.Some(120);

    /// <summary>Each has failed once, for a reason of the hub's or of the model's.</summary>
    public static TheoryData<ulong> SeedsThatFailed => [1232, 1427, 2399, 3780];

    public static TheoryData<string> Faults => [
        nameof(WatchFaults.KeepsPositionsOverSnapshot),
        nameof(WatchFaults.LosesDeletesAtCompacted),
        nameof(WatchFaults.TellsProgressTooEarly),
        nameof(WatchFaults.SplitsRevisions),
        nameof(WatchFaults.LosesEventsAtJoin),
        nameof(WatchFaults.RepeatsEventsAtJoin),
        nameof(WatchFaults.ForgetsFutureStart),
        nameof(WatchFaults.LooksUpBeforeTooLate),
        nameof(WatchFaults.SkipsWhatIsCompacted),
    ];

    [Theory]
    [MemberData(nameof(Seeds))]
    [MemberData(nameof(SeedsThatFailed))]
    public void Every_watcher_is_told_everything_once_in_order_and_whole(ulong seed)
    {
        try
        {
            using var world = new World(seed, WatchFaults.None);
            world.Play();
        }
        catch (Exception broken)
        {
            throw new InvalidOperationException($"seed {seed}: {broken.Message}", broken);
        }
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_mistake_is_noticed(string fault)
    {
        var faults = new WatchFaults();
        typeof(WatchFaults).GetProperty(fault)!.SetValue(faults, true);
        var noticedBy = Enumerable.Range(1, 150).FirstOrDefault(seed =>
        {
            try
            {
                using var world = new World((ulong)seed, faults);
                world.Play();
                return false;
            }
            catch (Xunit.Sdk.XunitException)
            {
                return true;
            }
        });
        Assert.NotEqual(0, noticedBy);
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes()
    {
        for (var seed = 1ul; seed <= 10; seed++)
        {
            Assert.Equal(Bytes(seed), Bytes(seed));
        }

        static byte[] Bytes(ulong seed)
        {
            using var world = new World(seed, WatchFaults.None);
            world.Play();
            return world.Told;
        }
    }

    private sealed class World : IDisposable
    {
        private readonly Chance _chance;
        private readonly NaiveStore _store = new();
        private readonly WatchHub _hub;
        private readonly List<WatchedClient> _clients = [];
        private readonly List<byte[]> _keys = [];
        private readonly WatchOptions _options;
        private KeySpace _space = new(new MemoryRecords());
        private long _announced = 1;

        public World(ulong seed, WatchFaults faults)
        {
            _chance = new Chance(seed);
            _options = new WatchOptions
            {
                RecentChanges = _chance.Pick<int>([1, 7, 40, 100_000]),
                RecentBytes = _chance.Pick<int>([1, 500, 5000, 10_000_000]),
                RememberedMatches = _chance.Pick<int>([1, 100_000]),
                StreamBytes = _chance.Pick<int>([1, 300, 3000, 65536]),
                ResponseRevisions = _chance.Pick<int>([1, 3, 20, 1000]),
                ResponseBytes = _chance.Pick<int>([1, 300, 100_000]),
                FragmentBytes = _chance.Pick<int>([150, 600, 2_000_000]),
                HistoryBytes = _chance.Pick<int>([1, 2000, 1_000_000]),
                HistoryRevisions = _chance.Pick<int>([1, 5, 1000]),
            };
            _hub = new WatchHub(_space, _options, faults);
            var keys = _chance.Pick<int>([2, 8, 60]);
            while (_keys.Count < keys)
            {
                var key = new byte[_chance.Between(1, 3)];
                for (var i = 0; i < key.Length; i++)
                {
                    key[i] = _chance.Pick<byte>([0, 1, (byte)'a', (byte)'b', 0xfe, 0xff]);
                }

                _keys.Add(key);
            }
        }

        /// <summary>All responses to clients that were there at the end.</summary>
        public byte[] Told => [.. _clients.SelectMany(client => client.Log).SelectMany(response => response.ToByteArray())];

        public void Play()
        {
            for (var step = 0; step < 400; step++)
            {
                Step();
            }

            foreach (var client in _clients)
            {
                while (client.IsReady)
                {
                    client.Drain(100);
                }

                client.CheckComplete();
                CheckProgress(client);
            }

            Assert.Equal(0, _hub.PendingCount);
            foreach (var client in _clients)
            {
                client.Stream.Dispose();
            }

            Assert.Equal(0, _hub.WatcherCount);
            Assert.Equal(0, _hub.StreamCount);
        }

        public void Dispose() => _space.Dispose();

        private static void CheckProgress(WatchedClient client)
        {
            var responses = client.Responses;
            var must = client.MustAnswerProgress;
            client.RequestProgress();
            if (client.IsReady)
            {
                client.Drain(10);
            }

            Assert.Equal(must ? 1 : 0, client.Responses - responses);
        }

        private void Step()
        {
            switch (_chance.Below(100))
            {
                case < 30:
                    Write();
                    Announce();
                    break;
                case < 34:
                    for (var writes = _chance.Between(2, 30); writes > 0; writes--)
                    {
                        Write();
                    }

                    Announce();
                    break;
                case < 38:
                    Compact();
                    Announce();
                    break;
                case < 41:
                    Rebase();
                    break;
                case < 45:
                    _clients.Add(new WatchedClient(_hub, _store, _options.FragmentBytes) { Announced = () => _announced });
                    break;
                default:
                    if (_clients.Count > 0)
                    {
                        StepOf(_clients[_chance.Below(_clients.Count)]);
                    }

                    break;
            }
        }

        private void StepOf(WatchedClient client)
        {
            switch (_chance.Below(100))
            {
                case < 35:
                    client.Create(RandomRequest());
                    break;
                case < 40:
                    client.Cancel(_chance.Below(6));
                    break;
                case < 45:
                    client.RequestProgress();
                    break;
                case < 50:
                    client.Stream.ProgressTick();
                    break;
                case < 52:
                    client.Stream.Dispose();
                    _clients.Remove(client);
                    break;
                default:
                    if (client.IsReady)
                    {
                        client.Drain(_chance.Pick<int>([1, 2, 5, 1000]));
                    }

                    break;
            }
        }

        private WatchCreate RandomRequest()
        {
            var key = _keys[_chance.Below(_keys.Count)];
            var end = _chance.Below(6) switch
            {
                0 => [0],
                1 => _keys[_chance.Below(_keys.Count)],
                2 => [.. key, 1],
                3 => [(byte)'b'],
                _ => Array.Empty<byte>(),
            };
            return new WatchCreate(_chance.Happens(1, 8) ? default : key, end)
            {
                StartRevision = _chance.Below(8) switch
                {
                    0 => -1,
                    1 => Math.Max(0, _store.Compacted + _chance.Between(-1, 1)),
                    2 => _announced + _chance.Between(0, 20),
                    3 or 4 => _chance.Between(1L, _announced),
                    _ => 0,
                },
                WatchId = _chance.Happens(1, 5) ? _chance.Between(1, 6) : 0,
                NoPut = _chance.Happens(1, 8),
                NoDelete = _chance.Happens(1, 8),
                PrevKv = _chance.CoinToss(),
                ProgressNotify = _chance.CoinToss(),
                Fragment = _chance.CoinToss(),
            };
        }

        private void Write()
        {
            var keys = _keys.ToArray();
            _chance.Shuffle(keys.AsSpan());
            var changes = keys.DistinctBy(Convert.ToHexString).Take(_chance.Happens(1, 3) ? _chance.Between(1, 6) : 1);
            _store.Write(_space, [.. changes.Select(RandomChange)]);
        }

        private (byte[] Key, byte[]? Value, long Lease) RandomChange(byte[] key)
        {
            if (_chance.Happens(1, 3))
            {
                return (key, null, 0);
            }

            var value = new byte[_chance.Happens(1, 20) ? _chance.Between(0, 5000) : _chance.Between(0, 40)];
            _chance.Fill(value);
            return (key, value, _chance.Happens(1, 4) ? _chance.Between(1L, 1L << 40) : 0);
        }

        private void Compact()
        {
            var last = _space.Revision;
            if (last > _store.Compacted)
            {
                _store.Compact(_space, _chance.Between(Math.Max(1, Math.Max(last - 40, _store.Compacted + 1)), last));
            }
        }

        private void Announce()
        {
            _hub.Collect(_space.Changes);
            _space.Publish();
            NaiveStore.Forget(_space);
            _announced = _space.PublishedRevision;
            _hub.Announce(_announced);
        }

        // The leader was further on, and may have compacted.
        private void Rebase()
        {
            var leader = _store.Replay();
            (_space, var old) = (leader, _space);
            for (var writes = _chance.Between(0, 30); writes > 0; writes--)
            {
                Write();
            }

            if (_chance.CoinToss())
            {
                Compact();
            }

            _space.Publish();
            NaiveStore.Forget(_space);
            _announced = _space.PublishedRevision;
            _hub.Rebase(_space);
            old.Dispose();
        }
    }
}
