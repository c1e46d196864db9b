using System.Globalization;
using System.Text;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Raft;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Simulation.Whole;

/// <summary>One client: an operation at a time, each asked of one member and once. What it is told is held against the
/// agreed history as soon as it arrives.</summary>
internal sealed class KvClient : IActor, IProbe
{
    private const int Begin = 0;
    private const int RequestArrives = 1;
    private const int ReplyArrives = 2;
    private const int TimeoutDue = 3;

    private readonly Cluster _cluster;
    private readonly WholeWorld _world;
    private readonly Chance _chance;
    private readonly KvWorkload _workload;
    private readonly int _client;
    private readonly List<KvOperation> _operations = [];
    private readonly List<(KvOperation Operation, KvReply Reply)> _replies = [];

    // By member and start of its process: what was read there last.
    private readonly Dictionary<(NodeId, ulong), long> _seen = [];

    private readonly Dictionary<string, long> _modified = [];
    private KvOperation? _current;
    private bool _isStopped;
    private NodeId _target;
    private uint _number;
    private ulong _named;

    public KvClient(Cluster cluster, WholeWorld world, Chance chance, KvWorkload workload, int client)
    {
        _cluster = cluster;
        _world = world;
        _chance = chance;
        _workload = workload;
        _client = client;
    }

    /// <summary>Called whenever an operation has come to an end, one way or another.</summary>
    public Func<bool>? WantsMore { get; set; }

    /// <summary>Always another member, as one that looks whether all of them serve.</summary>
    public bool AlwaysWanders { get; init; }

    public int SucceededCount { get; private set; }

    private long Now => _cluster.Simulator.Now;

    private Workload Manners => _cluster.Plan.Workload;

    private Replay Replay => _world.Replay;

    public void Start() => Schedule(_chance.Between(1, Manners.ThinkNanosMax), Begin, 0);

    public void Stop()
    {
        _isStopped = true;
        _current = null;
    }

    public void Happen(int what, ulong argument)
    {
        switch (what)
        {
            case Begin when _current is null && !_isStopped && WantsMore?.Invoke() != false:
                BeginNext();
                break;
            case RequestArrives:
                Arrive(_operations[(int)argument]);
                break;
            case ReplyArrives:
                var (operation, reply) = _replies[(int)argument];
                Take(operation, reply);
                break;
            case TimeoutDue when _current == _operations[(int)argument]:
                if (!SendsAgain(_current))
                {
                    End();
                }

                break;
        }
    }

    private void BeginNext()
    {
        if (_target.IsNone || AlwaysWanders || _chance.Happens(Manners.Wandering))
        {
            _target = _cluster.SomeMember(_chance);
        }

        var operation = Draw();
        operation.CalledAt = Now;
        operation.Floor = _world.Answers.Told;
        Send(operation);
    }

    // Under its name, and asked of another member.
    private bool SendsAgain(KvOperation operation)
    {
        if (operation.Request.IsEmpty || operation.ClientName.IsNone || operation.RepeatedCount >= _workload.Repetitions || _isStopped)
        {
            return false;
        }

        _target = _cluster.SomeMember(_chance);
        Send(operation.Again());
        return true;
    }

    private void Send(KvOperation operation)
    {
        operation.Target = _target;
        _current = operation;
        var place = (ulong)_operations.Count;
        _operations.Add(operation);
        if (!_chance.Happens(Manners.Loss))
        {
            Schedule(_chance.Between(1, Manners.DelayNanosMax), RequestArrives, place);
        }

        Schedule(Manners.TimeoutNanos, TimeoutDue, place);
    }

    private void Arrive(KvOperation operation)
    {
        var call = new KvCall
        {
            Command = operation.Command,
            Request = operation.Request,
            Name = operation.ClientName,
            LeaseCommand = operation.LeaseCommand,
            Lease = operation.Lease,
            Answer = reply => Deliver(operation, reply),
        };
        operation.Call = call;
        var node = _cluster.Find(operation.Target);
        operation.Boot = node?.BootNumber ?? 0;
        node?.Do(operation.Name, member => operation.Ask((WholeMember)member, call));
    }

    private void Deliver(KvOperation operation, in KvReply reply)
    {
        if (_chance.Happens(Manners.Loss))
        {
            return;
        }

        _replies.Add((operation, reply));
        Schedule(_chance.Between(1, Manners.DelayNanosMax), ReplyArrives, (ulong)_replies.Count - 1);
    }

    private void Take(KvOperation operation, in KvReply reply)
    {
        if (operation != _current)
        {
            return; // Too late: the client has gone on.
        }

        if (reply.Refusal is { } refusal)
        {
            _world.Answers.Refused(operation.Call!.RequestId, refusal);
            _target = NodeId.None;
            if (SendsAgain(operation))
            {
                return;
            }
        }
        else
        {
            operation.Check(operation, reply);
            SucceededCount++;
        }

        End();
    }

    private void End()
    {
        if (_cluster.Transcript is { } transcript && _current is { } operation)
        {
            transcript.Said(Now, $"client {_client} ends {operation.Name} asked of {operation.Target}");
        }

        _current = null;
        Schedule(_chance.Between(1, Manners.ThinkNanosMax), Begin, 0);
    }

    private KvOperation Draw()
    {
        Span<int> weights =
        [
            _workload.Put, _workload.Get, _workload.Range, _workload.Local, _workload.Old, _workload.Delete, _workload.DeleteRange,
            _workload.Swap, _workload.Txn, _workload.Compact, _workload.Grant, _workload.Renew, _workload.Revoke,
        ];
        var sum = 0;
        foreach (var weight in weights)
        {
            sum += weight;
        }

        var lot = _chance.Below(sum);
        var kind = 0;
        while (lot >= weights[kind])
        {
            lot -= weights[kind++];
        }

        return kind switch
        {
            0 => Put(),
            1 => Get(isLocal: false, isRange: false),
            2 => Get(isLocal: false, isRange: true),
            3 => Get(isLocal: true, _chance.CoinToss()),
            4 => GetOld(),
            5 => Delete(isRange: false),
            6 => Delete(isRange: true),
            7 => Swap(),
            8 => Txn(),
            9 => Compact(),
            10 => Grant(),
            11 => Renew(),
            _ => Revoke(),
        };
    }

    private KvOperation Put()
    {
        var request = NewPut(SomeKey());
        request.PrevKv = _chance.CoinToss();
        return Command("put", CommandKind.Put, request, (operation, reply) =>
        {
            var agreed = Written(operation, reply);
            if (agreed.Error == StateError.None)
            {
                var told = PutResponse.Parser.ParseFrom(reply.Body.Span);
                AnswersAgree.Same("what was before a put", agreed.Found, told.PrevKv is null ? [] : [told.PrevKv]);
                _modified[request.Key.ToStringUtf8()] = reply.Revision;
            }
        });
    }

    private PutRequest NewPut(string key)
    {
        var lease = _world.Leases.Count > 0 && _chance.Happens(_workload.Leased)
            ? _world.Leases[_chance.Below(_world.Leases.Count)].Id
            : 0;
        return new PutRequest { Key = Bytes(key), Value = Bytes(NewValue()), Lease = lease };
    }

    private string NewValue()
    {
        var padding = new string('.', _chance.Below(_workload.PaddingBytes + 1));
        return string.Create(CultureInfo.InvariantCulture, $"{_client}-{++_number}{padding}");
    }

    private KvOperation Get(bool isLocal, bool isRange)
    {
        var request = SomeRange(isRange);
        request.Serializable = isLocal;
        return new KvOperation(isLocal ? "local read" : "read", request.ToByteArray())
        {
            Ask = isLocal ? (member, call) => member.ReadLocally(call) : (member, call) => member.Read(call),
            Check = (operation, reply) => CheckRead(operation, reply, isLocal),
        };
    }

    private KvOperation GetOld()
    {
        var request = SomeRange(isRange: true);
        request.Revision = _chance.Between(Math.Max(1, Replay.Compacted - 1), Replay.Revision + 1);
        var isLocal = _chance.CoinToss();
        return new KvOperation("old read", request.ToByteArray())
        {
            Ask = isLocal ? (member, call) => member.ReadLocally(call) : (member, call) => member.Read(call),
            Check = (operation, reply) => CheckRead(operation, reply, isLocal),
        };
    }

    private void CheckRead(KvOperation operation, KvReply reply, bool isLocal)
    {
        var query = Storage.State.Requests.RangeQuery.Read(operation.Request);
        switch (reply.Error)
        {
            case StateError.Compacted when query.Revision < Replay.Compacted:
                return;
            case StateError.FutureRevision when query.Revision > (isLocal ? 0 : operation.Floor.Revision) && query.Revision > reply.Revision:
                return;
            case StateError.None:
                break;
            default:
                throw new Violation(nameof(AnswersAgree), $"a read of revision {query.Revision} was answered {reply.Error}");
        }

        _world.Answers.Read(isLocal ? default : operation.Floor, reply.Revision, isRecent: !isLocal);
        if (isLocal)
        {
            var place = (operation.Target, operation.Boot);
            if (reply.Revision < _seen.GetValueOrDefault(place))
            {
                throw new Violation(nameof(AnswersAgree), $"{operation.Target} goes back from revision {_seen[place]} to {reply.Revision}");
            }

            _seen[place] = reply.Revision;
        }

        var revision = query.Revision > 0 ? query.Revision : reply.Revision;
        var told = RangeResponse.Parser.ParseFrom(reply.Body.Span);
        AnswersAgree.Same($"a range at {revision}", Replay.Range(query.Range, revision), told.Kvs);
        foreach (var item in told.Kvs)
        {
            _modified[item.Key.ToStringUtf8()] = item.ModRevision;
        }
    }

    private KvOperation Delete(bool isRange)
    {
        var range = SomeRange(isRange);
        var request = new DeleteRangeRequest { Key = range.Key, RangeEnd = range.RangeEnd, PrevKv = _chance.CoinToss() };
        return Command("delete", CommandKind.DeleteRange, request, (operation, reply) =>
        {
            var agreed = Written(operation, reply);
            var told = DeleteRangeResponse.Parser.ParseFrom(reply.Body.Span);
            AnswersAgree.Same("what was deleted", agreed.Found, told.PrevKvs);
            if (told.Deleted != agreed.Deleted)
            {
                throw new Violation(nameof(AnswersAgree), $"{agreed.Deleted} keys were deleted, and {told.Deleted} were told");
            }
        });
    }

    private KvOperation Swap()
    {
        var key = SomeKey();
        var request = new TxnRequest();
        request.Compare.Add(ModifiedIs(key));
        request.Success.Add(new RequestOp { RequestPut = NewPut(key) });
        request.Failure.Add(new RequestOp { RequestRange = new RangeRequest { Key = Bytes(key) } });
        return Command("swap", CommandKind.Txn, request, CheckTxn);
    }

    private KvOperation Txn()
    {
        var request = new TxnRequest();
        if (_chance.CoinToss())
        {
            request.Compare.Add(ModifiedIs(SomeKey()));
        }

        // No key twice.
        foreach (var key in Keys())
        {
            switch (_chance.Below(4))
            {
                case 0:
                    request.Success.Add(new RequestOp { RequestPut = NewPut(key) });
                    break;
                case 1:
                    request.Success.Add(new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = Bytes(key) } });
                    break;
                case 2:
                    var range = new RangeRequest { Key = Bytes(key) };
                    if (_chance.Happens(1, 3))
                    {
                        // Around what is compacted, where members must not differ by how far they have come with it.
                        range.Revision = Math.Max(1, Math.Min(Replay.Revision, Replay.Compacted + _chance.Between(-1, 4)));
                    }

                    request.Success.Add(new RequestOp { RequestRange = range });
                    break;
            }
        }

        request.Failure.Add(new RequestOp { RequestRange = new RangeRequest { Key = Bytes("a"), RangeEnd = Bytes("z") } });
        request.Success.Add(new RequestOp { RequestPut = NewPut("t") });
        return Command("txn", CommandKind.Txn, request, CheckTxn);
    }

    private void CheckTxn(KvOperation operation, KvReply reply)
    {
        var agreed = Written(operation, reply);
        if (agreed.Error != StateError.None)
        {
            return;
        }

        var told = TxnResponse.Parser.ParseFrom(reply.Body.Span);
        if (told.Succeeded != agreed.IsSuccess)
        {
            throw new Violation(nameof(AnswersAgree), $"a transaction at {agreed.Index} took the branch {agreed.IsSuccess}, and {told.Succeeded} was told");
        }

        var found = told.Responses.Where(one => one.ResponseRange is not null).SelectMany(one => one.ResponseRange.Kvs).ToArray();
        AnswersAgree.Same("what a transaction read", agreed.Found, found);
        foreach (var item in found)
        {
            _modified[item.Key.ToStringUtf8()] = item.ModRevision;
        }
    }

    private Compare ModifiedIs(string key) => new()
    {
        Key = Bytes(key),
        Target = Compare.Types.CompareTarget.Mod,
        Result = Compare.Types.CompareResult.Equal,
        ModRevision = _modified.GetValueOrDefault(key),
    };

    private KvOperation Compact()
    {
        var newest = _world.Answers.Told.Revision;
        var revision = Math.Max(1, _chance.Between(newest - 30, newest + 1));
        if (_chance.Happens(_workload.CompactsToDeletes))
        {
            revision = Replay.Events.LastOrDefault(one => one.IsDelete && one.Revision <= newest)?.Revision ?? revision;
        }

        var request = new CompactionRequest { Revision = revision };
        return Command("compact", CommandKind.Compact, request, (operation, reply) => Written(operation, reply));
    }

    private KvOperation Grant()
    {
        var (id, ttl) = ((((long)_client + 1) << 32) | ++_number, (long)_chance.Between(_workload.TtlMin, _workload.TtlMax));
        return new KvOperation("grant", default)
        {
            LeaseCommand = requestId => CommandEnvelope.Encode(requestId, Caller.Nobody, new LeaseGrantCommand(id, ttl)),
            Ask = (member, call) => member.Propose(call),
            Check = (operation, reply) =>
            {
                if (Written(operation, reply).Error == StateError.None)
                {
                    _world.Leases.Add((id, ttl));
                    _world.LeaseTimes.Kept(id, operation.CalledAt);
                }
            },
        };
    }

    private KvOperation Renew()
    {
        if (_world.Leases.Count == 0)
        {
            return Grant();
        }

        var id = _world.GivenUpLease is { } givenUp && _chance.Happens(_workload.RenewsGivenUp)
            ? givenUp
            : _world.Leases[_chance.Below(_world.Leases.Count)].Id;
        return new KvOperation("renew", default)
        {
            Lease = id,
            Ask = (member, call) => member.Renew(call),
            Check = (operation, reply) =>
            {
                if (reply.Error == StateError.None)
                {
                    _world.LeaseTimes.Renewed(id, operation.CalledAt, operation.Floor);
                }
                else
                {
                    _world.LeaseTimes.Unknown(id, operation.CalledAt);
                    _world.Leases.RemoveAll(lease => lease.Id == id);
                }
            },
        };
    }

    private KvOperation Revoke()
    {
        if (_world.Leases.Count == 0)
        {
            return Grant();
        }

        var (id, _) = _world.Leases[_chance.Below(_world.Leases.Count)];
        return new KvOperation("revoke", default)
        {
            LeaseCommand = requestId => CommandEnvelope.Encode(requestId, Caller.Nobody, new LeaseRevokeCommand(Caller.Nobody, id, IsExpired: false)),
            Ask = (member, call) => member.Propose(call),
            Check = (operation, reply) =>
            {
                Written(operation, reply);
                _world.Leases.RemoveAll(lease => lease.Id == id);
                _world.GivenUpLease = id;
            },
        };
    }

    private AgreedAnswer Written(KvOperation operation, in KvReply reply)
        => _world.Answers.Written(operation.Call!.RequestId, operation.Floor, reply);

    private KvOperation Command(string name, CommandKind kind, IMessage request, KvOperation.Checking check)
        => new(name, request.ToByteArray())
        {
            Command = kind,
            ClientName = _chance.Happens(_workload.Named)
                ? new ClientRequest((ulong)_client + 1, ++_named, _world.Answers.Told.Revision)
                : default,
            Ask = (member, call) => member.Propose(call),
            Check = check,
        };

    private RangeRequest SomeRange(bool isRange)
    {
        var key = SomeKey();
        var request = new RangeRequest { Key = Bytes(key) };
        if (isRange)
        {
            request.RangeEnd = _chance.CoinToss() ? ByteString.CopyFrom(0) : Bytes(key + "~");
        }

        return request;
    }

    private IEnumerable<string> Keys()
    {
        for (var key = 0; key < Manners.Keys; key++)
        {
            yield return Name(key);
        }
    }

    private string SomeKey() => Name(_chance.Below(Manners.Keys));

    private static string Name(int key) => ((char)('a' + key)).ToString();

    private static ByteString Bytes(string text) => ByteString.CopyFrom(text, Encoding.Latin1);

    private void Schedule(long inNanos, int what, ulong argument) => _cluster.Simulator.Schedule(Now + inNanos, this, what, argument);
}

/// <summary>Something that a client does.</summary>
internal sealed class KvOperation(string name, ReadOnlyMemory<byte> request)
{
    public delegate void Asking(WholeMember member, KvCall call);

    public delegate void Checking(KvOperation operation, KvReply reply);

    public string Name => name;

    public ReadOnlyMemory<byte> Request => request;

    public CommandKind Command { get; init; }

    public Func<ulong, byte[]>? LeaseCommand { get; init; }

    public long Lease { get; init; }

    public required Asking Ask { get; init; }

    public required Checking Check { get; init; }

    /// <summary>Under which it may be sent again; none if it may not.</summary>
    public ClientRequest ClientName { get; init; }

    public int RepeatedCount { get; private init; }

    public long CalledAt { get; set; }

    /// <summary>What had been told to anybody when it began.</summary>
    public Floor Floor { get; set; }

    public NodeId Target { get; set; }

    public ulong Boot { get; set; }

    public KvCall? Call { get; set; }

    /// <summary>The same once more: it began when the first one did.</summary>
    public KvOperation Again() => new(name, request)
    {
        Command = Command,
        Ask = Ask,
        Check = Check,
        ClientName = ClientName,
        RepeatedCount = RepeatedCount + 1,
        CalledAt = CalledAt,
        Floor = Floor,
    };
}
