using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using Filter = RaftKv.Protocol.Etcd.WatchCreateRequest.Types.FilterType;
using Result = RaftKv.Protocol.Etcd.Compare.Types.CompareResult;
using Target = RaftKv.Protocol.Etcd.Compare.Types.CompareTarget;

namespace RaftKv.Differential.Sequences;

/// <summary>Makes a sequence of operations from a seed: the same seed, the same sequence.</summary>
public sealed class Generator
{
    private const int WatchStreams = 3;
    private const int DeepestTxn = 3;
    private const int MaxTxnOperations = 128;

    // Of leases, so that not every other put fails for want of one.
    private const int FirstGrants = 2;

    private readonly Vocabulary _words;

    // Half of the sequences watch; the others can do without the waiting that it brings.
    private readonly bool _watches;

    private Generator(int seed)
    {
        _words = new Vocabulary(new Random(seed));
        _watches = _words.Is(50);
    }

    public static IReadOnlyList<Operation> Generate(int seed, int operations)
    {
        var generator = new Generator(seed);
        return [.. Enumerable.Range(0, operations).Select(index => index < FirstGrants ? generator.MakeGrant() : generator.Next())];
    }

    private Operation Next()
    {
        var dice = _words.Count(99);
        if (dice < 60 && _words.Is(50))
        {
            _words.Written++; // Of the operations that may make a revision, about half do.
        }

        return dice switch
        {
            < 20 => Operation.Unary("put", Put()),
            < 36 => Operation.Unary("range", Range()),
            < 42 => Operation.Unary("delete", Delete()),
            < 60 => Operation.Unary("txn", Txn(1)),
            < 64 => Operation.Unary("compact", new CompactionRequest { Revision = _words.Revision(5), Physical = _words.Is(50) }),
            < 68 => Operation.Unary("hashkv", new HashKVRequest { Revision = _words.Revision() }),
            < 73 => MakeGrant(),
            < 75 => Operation.Unary("revoke", new LeaseRevokeRequest { ID = _words.LeaseOrNone(3) }),
            < 77 => Operation.Unary("timetolive", new LeaseTimeToLiveRequest { ID = _words.LeaseOrNone(3), Keys = _words.Is(70) }),
            < 79 => Operation.KeepAlive(new LeaseKeepAliveRequest { ID = _words.LeaseOrNone(3) }),
            < 80 => Operation.Unary("leases", new LeaseLeasesRequest()),
            _ => _watches ? Watch() : Operation.Unary("put", Put()),
        };
    }

    private RangeRequest Range()
    {
        var (key, end) = _words.Range();
        var request = new RangeRequest { Key = key, RangeEnd = end, Revision = _words.Revision(70), Serializable = _words.Is(20) };
        if (_words.Is(30))
        {
            request.Limit = _words.Small();
        }

        if (_words.Is(30))
        {
            request.SortOrder = _words.Enum<RangeRequest.Types.SortOrder>();
            request.SortTarget = _words.Enum<RangeRequest.Types.SortTarget>();
        }

        request.KeysOnly = _words.Is(10);
        request.CountOnly = _words.Is(10);
        if (_words.Is(15))
        {
            request.MinModRevision = _words.Revision();
            request.MaxModRevision = _words.Revision();
            request.MinCreateRevision = _words.Revision();
            request.MaxCreateRevision = _words.Revision();
        }

        return request;
    }

    private PutRequest Put()
    {
        var request = new PutRequest { Key = _words.Key(), Value = _words.Value(), Lease = _words.LeaseOrNone(70), PrevKv = _words.Is(40) };
        if (_words.Is(10))
        {
            request.IgnoreValue = true;
            request.Value = _words.Is(80) ? ByteString.Empty : request.Value;
        }

        if (_words.Is(10))
        {
            request.IgnoreLease = true;
            request.Lease = _words.Is(80) ? 0 : request.Lease;
        }

        return request;
    }

    private DeleteRangeRequest Delete()
    {
        var (key, end) = _words.Range();
        return new() { Key = key, RangeEnd = end, PrevKv = _words.Is(50) };
    }

    private Operation MakeGrant() => Operation.Unary("grant", Grant());

    private LeaseGrantRequest Grant()
    {
        var request = new LeaseGrantRequest { ID = _words.LeaseOrNone(20), TTL = _words.Ttl() };
        if (request.ID == 0)
        {
            _words.LeasesMade++;
        }

        return request;
    }

    private TxnRequest Txn(int depth)
    {
        var txn = new TxnRequest();
        for (var i = _words.Count(2); i > 0; i--)
        {
            txn.Compare.Add(Compare());
        }

        var most = depth == 1 ? 4 : 2;
        for (var i = _words.Count(most); i > 0; i--)
        {
            txn.Success.Add(TxnOperation(depth));
        }

        for (var i = _words.Count(most); i > 0; i--)
        {
            txn.Failure.Add(TxnOperation(depth));
        }

        if (depth == 1 && _words.Is(2))
        {
            // As many operations as are allowed, or one more.
            var one = new RequestOp { RequestRange = new RangeRequest { Key = _words.Key() } };
            txn.Success.Clear();
            txn.Success.AddRange(Enumerable.Repeat(one, MaxTxnOperations + _words.Count(1)));
        }

        return txn;
    }

    private RequestOp TxnOperation(int depth) => _words.Count(19) switch
    {
        < 7 => new() { RequestPut = Put() },
        < 12 => new() { RequestRange = Range() },
        < 15 => new() { RequestDeleteRange = Delete() },
        < 19 when depth < DeepestTxn => new() { RequestTxn = Txn(depth + 1) },
        _ => _words.Is(10) ? new() : new() { RequestRange = Range() },
    };

    private Compare Compare()
    {
        var compare = new Compare { Key = _words.Key(), Result = _words.Enum<Result>(), Target = _words.Enum<Target>() };
        if (_words.Is(30))
        {
            (compare.Key, compare.RangeEnd) = _words.Range();
        }

        // The union's member is mostly the target's own; else another one's, or none.
        switch (_words.Is(85) ? compare.Target : _words.Pick((Target)99, Target.Version, Target.Value, Target.Lease))
        {
            case Target.Version:
                compare.Version = _words.Small();
                break;
            case Target.Create:
                compare.CreateRevision = _words.Revision(30);
                break;
            case Target.Mod:
                compare.ModRevision = _words.Revision(30);
                break;
            case Target.Value:
                compare.Value = _words.Value();
                break;
            case Target.Lease:
                compare.Lease = _words.LeaseOrNone(30);
                break;
        }

        return compare;
    }

    private Operation Watch()
    {
        var request = new WatchRequest();
        switch (_words.Count(19))
        {
            case < 12:
                request.CreateRequest = CreateWatch();
                break;
            case < 16:
                request.CancelRequest = new WatchCancelRequest { WatchId = WatchId() };
                break;
            case < 19:
                request.ProgressRequest = new WatchProgressRequest();
                break;
            default:
                break; // An empty request, which stores pass over.
        }

        return Operation.Watch(_words.Count(WatchStreams - 1), request);
    }

    private WatchCreateRequest CreateWatch()
    {
        var (key, end) = _words.Range();
        var create = new WatchCreateRequest
        {
            Key = key,
            RangeEnd = end,
            StartRevision = _words.Revision(50),
            PrevKv = _words.Is(50),
            ProgressNotify = _words.Is(10),
            Fragment = _words.Is(10),
            WatchId = _words.Is(80) ? 0 : WatchId(),
        };
        for (var i = _words.Is(25) ? 1 + _words.Count(1) : 0; i > 0; i--)
        {
            create.Filters.Add(_words.Enum<Filter>());
        }

        return create;
    }

    // Not -1, which the API keeps for watchers that could not be made.
    private long WatchId() => _words.Pick(0L, 1, 2, 3, 4, 77, -3, long.MaxValue);
}
