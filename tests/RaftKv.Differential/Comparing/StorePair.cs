using Google.Protobuf;
using RaftKv.Differential.Running;
using RaftKv.Differential.Sequences;
using RaftKv.Protocol.Etcd;
using RaftKv.Stores;

namespace RaftKv.Differential.Comparing;

/// <summary>
/// Two stores that sequences are run against, one after the other. Before each sequence both are brought to the same
/// revision with one key in them, and compacted up to it: so nothing of the last sequence can be seen, compaction can be
/// tried as on a new store, and hashes, which revisions go into, can be compared.
/// </summary>
/// <example><code>
/// await using var pair = await StorePair.ConnectAsync(left.Members[0].Client, right.Members[0].Client);
/// var difference = await pair.RunAsync(Generator.Generate(seed: 1, operations: 40));
/// </code></example>
public sealed class StorePair : IAsyncDisposable
{
    private const string OldVersion = "3.4.";
    private const int Tries = 5;

    private static readonly ByteString Zero = ByteString.CopyFrom(0);
    private static readonly ByteString Marker = ByteString.CopyFromUtf8("~");

    private readonly StoreClient _left;
    private readonly StoreClient _right;
    private readonly bool _leftIsOld;
    private readonly bool _rightIsOld;
    private readonly bool _hasOldMembers;

    private StorePair(StoreClient left, StoreClient right, bool leftIsOld, bool rightIsOld, bool hasOldMembers)
    {
        _left = left;
        _right = right;
        (_leftIsOld, _rightIsOld, _hasOldMembers) = (leftIsOld, rightIsOld, hasOldMembers);
        Comparison = new RecordingComparison(leftIsOld, rightIsOld);
    }

    public RecordingComparison Comparison { get; }

    /// <param name="left">Address of one store's member.</param>
    /// <param name="right">Address of the other's.</param>
    /// <param name="doctorRight">Changes what the right store answers, for tests that want to see it noticed.</param>
    public static async Task<StorePair> ConnectAsync(Uri left, Uri right, Func<IMessage, IMessage>? doctorRight = null)
    {
        var (a, b) = (new StoreClient(left), new StoreClient(right, doctorRight));
        var (leftIsOld, rightIsOld) = (await IsOldAsync(a), await IsOldAsync(b));
        var hasOldMembers = (leftIsOld && await HasMembersAsync(a)) || (rightIsOld && await HasMembersAsync(b));
        return new StorePair(a, b, leftIsOld, rightIsOld, hasOldMembers);
    }

    /// <summary>Runs a sequence against both, and says where they first differ, if they do.</summary>
    /// <exception cref="StoreException">One of them does not answer any more.</exception>
    public async Task<Difference?> RunAsync(IReadOnlyList<Operation> operations)
    {
        List<Operation> sent =
        [
            .. operations.Where(operation =>
                (!(_leftIsOld || _rightIsOld) || !KnownDifference.IsNotForOldStores(operation))
                && !(_hasOldMembers && KnownDifference.DividesMembers(operation))),
        ];
        for (var attempt = 1; ; attempt++)
        {
            var start = await AlignAsync();
            var recordings = await Task.WhenAll(
                Execution.RunAsync(_left, _leftIsOld, start, sent),
                Execution.RunAsync(_right, _rightIsOld, start, sent));
            if (recordings.All(recording => recording.IsReliable))
            {
                return Comparison.First(recordings[0], recordings[1]);
            }

            if (attempt == Tries)
            {
                throw new StoreException($"{Tries} times in a row a sequence took so long that leases ran out in it, or a store was unavailable; the machine is too busy.");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _left.DisposeAsync();
        await _right.DisposeAsync();
    }

    private static async Task<bool> IsOldAsync(StoreClient client)
    {
        var status = await client.CallAsync<StatusResponse>("status", new StatusRequest());
        return status.Version.StartsWith(OldVersion, StringComparison.Ordinal);
    }

    private static async Task<bool> HasMembersAsync(StoreClient client)
    {
        var list = await client.CallAsync<MemberListResponse>("member-list", new MemberListRequest());
        return list.Members.Count > 1;
    }

    /// <returns>The revision that both are at.</returns>
    private async Task<long> AlignAsync()
    {
        var revisions = await Task.WhenAll(ClearAsync(_left), ClearAsync(_right));
        var goal = revisions.Max() + 3;
        await Task.WhenAll(BringToAsync(_left, revisions[0], goal), BringToAsync(_right, revisions[1], goal));
        return goal;
    }

    private static async Task<long> ClearAsync(StoreClient client)
    {
        var leases = await client.CallAsync<LeaseLeasesResponse>("leases", new LeaseLeasesRequest());
        foreach (var lease in leases.Leases)
        {
            // One that has just run out is as good as revoked.
            await client.CallAsync("revoke", new LeaseRevokeRequest { ID = lease.ID });
        }

        var cleared = await client.CallAsync<DeleteRangeResponse>("delete", new DeleteRangeRequest { Key = Zero, RangeEnd = Zero });
        return cleared.Header.Revision;
    }

    private static async Task BringToAsync(StoreClient client, long revision, long goal)
    {
        while (revision < goal - 2)
        {
            revision = (await client.CallAsync<PutResponse>("put", new PutRequest { Key = Marker })).Header.Revision;
        }

        await client.CallAsync("delete", new DeleteRangeRequest { Key = Marker });
        var put = await client.CallAsync<PutResponse>("put", new PutRequest { Key = Marker });
        if (put.Header.Revision != goal)
        {
            throw new StoreException($"{client.Address} is at revision {put.Header.Revision} instead of {goal}: somebody else writes to it.");
        }

        await client.CallAsync<CompactionResponse>("compact", new CompactionRequest { Revision = goal, Physical = true });
    }
}
