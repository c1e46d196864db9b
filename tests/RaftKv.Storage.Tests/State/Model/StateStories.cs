using Google.Protobuf;
using Google.Protobuf.Collections;
using RaftKv.Protocol.Etcd;
using RaftKv.Raft;

namespace RaftKv.Storage.Tests.State.Model;

/// <summary>Draws stories: commands, and what happens to two replicas meanwhile.</summary>
internal sealed class StateStories
{
    private static readonly ByteString[] Keys =
    [
        ByteString.CopyFrom(0), ByteString.CopyFrom(0, 0), ByteString.CopyFromUtf8("a"), ByteString.CopyFrom(0x61, 0),
        ByteString.CopyFromUtf8("ab"), ByteString.CopyFromUtf8("b"), ByteString.CopyFromUtf8("ba"),
        ByteString.CopyFromUtf8(new string('c', 300)), ByteString.CopyFrom(0xfe), ByteString.CopyFrom(0xff), ByteString.CopyFrom(0xff, 0xff),
    ];

    private readonly Chance _chance;

    // What a story is like differs from seed to seed.
    private readonly int _keyCount;
    private readonly int _commands;
    private readonly int _crashOneIn;
    private readonly int _snapshotOneIn;
    private readonly int _checkpointOneIn;

    // Falls behind, and is sent snapshots.
    private readonly bool _hasLaggard;
    private readonly bool _tidiesOften;
    private long _revision = 1;

    private StateStories(ulong seed)
    {
        _chance = new Chance(seed);
        _keyCount = _chance.Pick<int>([2, 5, Keys.Length]);
        _commands = _chance.Pick<int>([2, 5, 10]);
        _crashOneIn = _chance.Pick<int>([5, 20, 60]);
        _snapshotOneIn = _chance.Pick<int>([4, 12, 40]);
        _checkpointOneIn = _chance.Pick<int>([2, 6]);
        _hasLaggard = _chance.CoinToss();
        _tidiesOften = _chance.CoinToss();
    }

    public static ByteString All { get; } = ByteString.CopyFrom(0);

    /// <summary>The story of a seed.</summary>
    public static List<StateStep> Draw(ulong seed, int length)
    {
        var stories = new StateStories(seed);
        return [.. Enumerable.Range(0, length).Select(_ => stories.NewStep())];
    }

    /// <summary>Any read.</summary>
    public static RangeRequest NewRange(Chance chance, long revision)
    {
        var (key, end) = NewKeys(chance, Keys.Length);
        var range = new RangeRequest { Key = key, RangeEnd = end };
        if (chance.CoinToss())
        {
            range.Revision = chance.Between(-1, revision + 1);
        }

        if (chance.CoinToss())
        {
            range.Limit = chance.Between(-1, 4);
        }

        if (chance.CoinToss())
        {
            range.SortOrder = (RangeRequest.Types.SortOrder)chance.Below(3);
            range.SortTarget = (RangeRequest.Types.SortTarget)chance.Below(5);
        }

        range.KeysOnly = chance.Happens(1, 5);
        range.CountOnly = chance.Happens(1, 8);
        if (chance.Happens(1, 4))
        {
            range.MinModRevision = chance.Between(0, revision);
            range.MaxModRevision = chance.CoinToss() ? 0 : chance.Between(0, revision + 1);
            range.MinCreateRevision = chance.CoinToss() ? 0 : chance.Between(0, revision);
            range.MaxCreateRevision = chance.CoinToss() ? 0 : chance.Between(0, revision + 1);
        }

        return range;
    }

    private static (ByteString Key, ByteString End) NewKeys(Chance chance, int keyCount)
    {
        var key = Keys[chance.Below(keyCount)];
        return chance.Below(5) switch
        {
            0 => (All, All),
            1 => (key, All),
            2 => (key, Keys[chance.Below(Keys.Length)]),
            _ => (key, ByteString.Empty),
        };
    }

    private StateStep NewStep()
    {
        var replica = _chance.Below(2);
        if (_chance.Below(20) < _commands)
        {
            _revision++;
            return new StateStep.Propose(NewRequest());
        }

        if (_chance.Happens(1, _crashOneIn))
        {
            return _chance.Below(5) switch
            {
                4 => new StateStep.FailSync(replica, _chance.Below(4)),
                0 => new StateStep.Crash(replica, IsPowerCut: true),
                1 => new StateStep.Crash(replica, IsPowerCut: false),
                2 => new StateStep.CrashLater(replica, _chance.Below(20), IsPowerCut: false),
                _ => new StateStep.CrashLater(replica, _chance.Below(40), IsPowerCut: true),
            };
        }

        if (_chance.Happens(1, _snapshotOneIn))
        {
            var from = _hasLaggard ? 0 : replica;
            return _chance.Below(6) switch
            {
                < 2 => new StateStep.BeginSnapshot(from),
                < 4 => new StateStep.InstallSnapshot(1 - from),
                _ => new StateStep.SendSnapshot(from, _chance.Between(1, 7)),
            };
        }

        if (_chance.Happens(1, _checkpointOneIn))
        {
            return _chance.Below(3) switch
            {
                0 => new StateStep.BeginCheckpoint(replica),
                1 => new StateStep.WriteCheckpoint(replica),
                _ => new StateStep.FinishCheckpoint(replica),
            };
        }

        return _chance.Below(10) switch
        {
            < 4 => new StateStep.Apply(_hasLaggard && _chance.Below(30) > 0 ? 0 : replica, _chance.Between(1, 5)),
            4 => new StateStep.CompactStep(replica, _chance.Between(1, 6)),
            5 => new StateStep.Reclaim(replica, _chance.Pick<long>([1, 300, 10_000])),
            6 => new StateStep.OpenView(replica),
            7 when _tidiesOften && _chance.CoinToss() => new StateStep.Tidy(replica),
            7 => new StateStep.LookAtView(replica, _chance.Next(), _chance.CoinToss()),
            _ => new StateStep.Look(replica, _chance.Next()),
        };
    }

    private StateRequest NewRequest()
    {
        switch (_chance.Below(24))
        {
            case < 9:
                return new StateRequest.Put(NewPut(_chance.Pick<ByteString>(Keys.AsSpan(0, _keyCount))));
            case < 12:
                return new StateRequest.Delete(NewDelete());
            case < 16:
                return new StateRequest.Txn(NewTxn(new UsedKeys(), depth: 0));
            case < 18:
                return new StateRequest.Compact(_chance.Happens(1, 4) ? 0 : _chance.Between(-1, 12));
            case < 20:
                return new StateRequest.Grant(_chance.Between(0, 4), _chance.Happens(1, 10) ? 9_000_000_001 : _chance.Between(1, 600));
            case 20:
                return new StateRequest.Revoke(_chance.Between(1, 4));
            case 21:
                return new StateRequest.Checkpoint(_chance.Between(1, 4), _chance.Between(0, 300));
            case 22:
                return new StateRequest.Space(_chance.Happens(1, 4));
            default:
                return _chance.CoinToss() ? new StateRequest.AddUser($"u{_chance.Below(3)}") : new StateRequest.AddRole($"r{_chance.Below(3)}");
        }
    }

    private PutRequest NewPut(ByteString key)
        => new()
        {
            Key = key,
            Value = _chance.Below(4) switch
            {
                0 => ByteString.Empty,
                1 => ByteString.CopyFromUtf8("same"),
                2 => ByteString.CopyFromUtf8(new string((char)('p' + _chance.Below(3)), _chance.Between(1, 900))),
                _ => ByteString.CopyFrom((byte)_chance.Below(256), 0),
            },
            Lease = _chance.Happens(1, 3) ? _chance.Between(1, 4) : 0,
            PrevKv = _chance.Happens(1, 3),
            IgnoreValue = _chance.Happens(1, 8),
            IgnoreLease = _chance.Happens(1, 8),
        };

    private DeleteRangeRequest NewDelete()
    {
        var (key, end) = NewKeys(_chance, _keyCount);
        return new DeleteRangeRequest { Key = key, RangeEnd = end, PrevKv = _chance.CoinToss() };
    }

    private TxnRequest NewTxn(UsedKeys used, int depth)
    {
        var txn = new TxnRequest();
        for (var i = _chance.Below(3); i > 0; i--)
        {
            txn.Compare.Add(NewCompare());
        }

        // Only one of the branches is taken, but within one no key is put twice.
        var other = used.Copy();
        AddOperations(txn.Success, used, depth);
        AddOperations(txn.Failure, other, depth);
        used.Add(other);
        return txn;
    }

    private void AddOperations(RepeatedField<RequestOp> to, UsedKeys used, int depth)
    {
        for (var i = _chance.Below(4); i > 0; i--)
        {
            switch (_chance.Below(depth < 2 ? 5 : 4))
            {
                case 0:
                    to.Add(new RequestOp { RequestRange = NewRange(_chance, _revision) });
                    break;
                case 1 or 2:
                    var key = Keys[_chance.Below(_keyCount)];
                    if (used.TryPut(NaiveMoment.Text(key)))
                    {
                        to.Add(new RequestOp { RequestPut = NewPut(key) });
                    }

                    break;
                case 3:
                    var delete = NewDelete();
                    if (used.TryDelete(NaiveMoment.Text(delete.Key), NaiveMoment.Text(delete.RangeEnd)))
                    {
                        to.Add(new RequestOp { RequestDeleteRange = delete });
                    }

                    break;
                default:
                    to.Add(new RequestOp { RequestTxn = NewTxn(used, depth + 1) });
                    break;
            }
        }
    }

    private Compare NewCompare()
    {
        var (key, end) = NewKeys(_chance, _keyCount);
        var compare = new Compare
        {
            Key = key,
            RangeEnd = end,
            Result = (Compare.Types.CompareResult)_chance.Below(4),
            Target = (Compare.Types.CompareTarget)_chance.Below(5),
        };
        switch (compare.Target)
        {
            case Compare.Types.CompareTarget.Version:
                compare.Version = _chance.Below(4);
                break;
            case Compare.Types.CompareTarget.Create:
                compare.CreateRevision = _chance.Between(0, _revision);
                break;
            case Compare.Types.CompareTarget.Mod:
                compare.ModRevision = _chance.Between(0, _revision);
                break;
            case Compare.Types.CompareTarget.Lease:
                compare.Lease = _chance.Below(4);
                break;
            default:
                compare.Value = ByteString.CopyFromUtf8("same");
                break;
        }

        return compare;
    }

    /// <summary>What a transaction changes: what is put may not be put or deleted again, except by a deletion without
    /// end, which nobody refuses.</summary>
    private sealed class UsedKeys
    {
        private readonly HashSet<string> _puts = [];
        private readonly List<(string Key, string End)> _deletes = [];

        public UsedKeys Copy()
        {
            var copy = new UsedKeys();
            copy.Add(this);
            return copy;
        }

        public void Add(UsedKeys other)
        {
            _puts.UnionWith(other._puts);
            _deletes.AddRange(other._deletes.Except(_deletes).ToList());
        }

        public bool TryPut(string key)
            => !_deletes.Exists(delete => NaiveMoment.Selects(delete.Key, delete.End, key)) && _puts.Add(key);

        public bool TryDelete(string key, string end)
        {
            if (end == "\0")
            {
                return true;
            }

            if (_puts.Any(put => NaiveMoment.Selects(key, end, put)))
            {
                return false;
            }

            _deletes.Add((key, end));
            return true;
        }
    }
}
