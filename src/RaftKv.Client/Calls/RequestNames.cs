using System.Globalization;
using System.Security.Cryptography;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Client.Calls;

/// <summary>
/// By what RaftKv's members recognise a request that comes again, to answer it again instead of doing it again. Other
/// members do not see it.
/// </summary>
/// <param name="Client">Drawn at random; 0 for no name.</param>
/// <param name="Sequence">Another one for each request.</param>
/// <param name="BornAt">A revision that was seen before the request was first made.</param>
internal readonly record struct RequestName(ulong Client, ulong Sequence, long BornAt)
{
    public bool IsNone => Client == 0;

    /// <summary>What a call under this name carries. Writes need a leader.</summary>
    public RpcMetadata ToMetadata() => new()
    {
        { "hasleader", "true" },
        { "raftkv-request-id", string.Create(CultureInfo.InvariantCulture, $"{Client:x}-{Sequence:x}-{BornAt:x}") },
    };
}

/// <summary>Gives the requests of one client their names.</summary>
internal sealed class RequestNames
{
    /// <summary>How members refuse a name that they may have forgotten.</summary>
    public const string TooOldText = "raftkv: the request is older than what is remembered of requests";

    /// <summary>Where, in the answer to Status, members say what they can do.</summary>
    public const string FeaturesKey = "raftkv-features";

    public const string Feature = "request-id";

    // Not from the client's own chance, which may be seeded alike in two clients.
    private readonly ulong _client = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))) | 1;
    private ulong _sequence;
    private long _seen;

    public RequestName Next() => new(_client, Interlocked.Increment(ref _sequence), Interlocked.Read(ref _seen));

    /// <summary>The store has reached this revision.</summary>
    public void Saw(long revision)
    {
        for (var seen = Interlocked.Read(ref _seen); seen < revision;)
        {
            var found = Interlocked.CompareExchange(ref _seen, revision, seen);
            if (found == seen)
            {
                return;
            }

            seen = found;
        }
    }

    /// <summary>The revision that the answer to a write tells.</summary>
    public static long RevisionOf<TResponse>(TResponse response) => response switch
    {
        PutResponse put => put.Header?.Revision ?? 0,
        TxnResponse txn => txn.Header?.Revision ?? 0,
        DeleteRangeResponse delete => delete.Header?.Revision ?? 0,
        _ => 0,
    };
}
