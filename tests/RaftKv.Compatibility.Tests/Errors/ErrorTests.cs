using System.Globalization;
using RaftKv.Compatibility.Tests.Stores;
using RaftKv.Differential.Sequences;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Errors;

/// <summary>
/// Clients tell errors apart by code and text, so both must be to the letter. That the table is right is what etcd 3.4
/// says to it, wherever it answers the same as 3.6.
/// </summary>
public sealed class ErrorTests(SharedStore stores) : IClassFixture<SharedStore>
{
    // Nobody is asked to listen there.
    private static int _freshPorts;

    public static TheoryData<string> Names() => [.. ErrorRows.All.Select(row => row.Name)];

    public static TheoryData<string> NamesOfOld() => [.. ErrorRows.All.Where(row => row.Newer is null).Select(row => row.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public Task Raftkv_says(string what) => CheckAsync(StoreKind.RaftKv, what);

    [Theory]
    [MemberData(nameof(NamesOfOld))]
    public Task Etcd_says(string what) => CheckAsync(StoreKind.Etcd, what);

    [Theory]
    [InlineData(StoreKind.Etcd)]
    [InlineData(StoreKind.RaftKv)]
    public async Task A_watch_that_cannot_be_made_says_why(StoreKind kind)
    {
        var member = (await stores.OrSkipAsync(kind)).Members[0];
        await using var client = new StoreClient(member.Client);
        await using var watch = client.OpenWatch();
        await using var replies = watch.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);

        Assert.Equal("mvcc: watcher range is empty", (await CreateAsync("create_request={key=\"b\" range_end=\"a\"}")).CancelReason);
        Assert.Equal("", (await CreateAsync("create_request={key=\"a\" watch_id=5}")).CancelReason);
        Assert.Equal("mvcc: duplicate watch ID provided on the WatchStream", (await CreateAsync("create_request={key=\"a\" watch_id=5}")).CancelReason);
        if (kind == StoreKind.RaftKv)
        {
            // Before 3.6.6 such a watcher was made, and then ended.
            var negative = await CreateAsync("create_request={key=\"a\" start_revision=-1}");
            Assert.Equal("etcdserver: mvcc: required revision has been compacted", negative.CancelReason);
            Assert.Equal(0, negative.CompactRevision);
        }

        async Task<WatchResponse> CreateAsync(string request)
        {
            await watch.Requests.WriteAsync((WatchRequest)Operation.Parse($"watch.0 {request}").Request);
            Assert.True(await replies.MoveNextAsync());
            var reply = replies.Current;
            Assert.True(reply.Created);
            Assert.Equal(reply.CancelReason.Length > 0, reply.Canceled);
            Assert.Equal(reply.Canceled ? -1 : 5, reply.WatchId);
            return reply;
        }
    }

    [Theory]
    [InlineData(StoreKind.Etcd)]
    [InlineData(StoreKind.RaftKv)]
    public async Task Members_that_miss_the_others_say_so(StoreKind kind)
    {
        await using var store = await Target.StartOrSkipAsync(kind, members: 3);
        var (leader, follower, other) = await RolesAsync(store);
        await using var client = new StoreClient(follower.Client);

        var status = await client.CallAsync<StatusResponse>("status", new StatusRequest());
        await ExpectAsync(client, $"move-leader targetID={status.Leader}", RpcStatusCode.FailedPrecondition, "etcdserver: not leader");

        // Four members need three that are connected, and there are two.
        var gone = await IdAsync(other);
        await other.KillAsync();
        await Eventually(async () => !await MemberMetrics.IsConnectedAsync(follower, gone) && !await MemberMetrics.IsConnectedAsync(leader, gone));
        await ExpectAsync(client, "member-add peerURLs=[\"http://127.0.0.1:1\"]", RpcStatusCode.Unavailable, "etcdserver: unhealthy cluster");

        await leader.KillAsync();
        var requireLeader = new RpcMetadata();
        requireLeader.Add("hasleader", "true");
        await Eventually(async () =>
        {
            var refused = await client.CallAsync("range", Operation.Parse("range key=\"k\" serializable=true").Request, requireLeader);
            return refused.Status == new RpcStatus(RpcStatusCode.Unavailable, "etcdserver: no leader");
        });

        // Without the metadata it waits for a leader as long as a request may take.
        var waited = await client.CallAsync("put", Operation.Parse("put key=\"k\"").Request);
        if (kind == StoreKind.RaftKv)
        {
            // 3.4 lets the context's own error through.
            Assert.StartsWith("Unavailable: etcdserver: request timed out", waited.Status.ToString(), StringComparison.Ordinal);
        }

        Assert.False(waited.IsOk);
        var read = await client.CallAsync("range", Operation.Parse("range key=\"k\" serializable=true").Request);
        Assert.True(read.IsOk);
    }

    private static async Task<(StoreMember Leader, StoreMember Follower, StoreMember Other)> RolesAsync(StoreProcess store)
    {
        while (true)
        {
            var leader = await store.LeaderAsync(TestContext.Current.CancellationToken);
            var followers = store.Members.Where(member => member != leader).ToList();
            await using var client = new StoreClient(followers[0].Client);

            // One that has not heard of the leader yet says something else than one that has.
            var known = (await client.CallAsync<StatusResponse>("status", new StatusRequest())).Leader;
            if (known == await IdAsync(leader))
            {
                return (leader, followers[0], followers[1]);
            }
        }
    }

    private static async Task<ulong> IdAsync(StoreMember member)
    {
        await using var client = new StoreClient(member.Client);
        return (await client.CallAsync<StatusResponse>("status", new StatusRequest())).Header.MemberId;
    }

    private async Task CheckAsync(StoreKind kind, string name)
    {
        var row = ErrorRows.All.Single(row => row.Name == name);
        var member = (await stores.OrSkipAsync(kind)).Members[0];
        await using var client = new StoreClient(member.Client);
        var status = await client.CallAsync<StatusResponse>("status", new StatusRequest());
        var (added, revision) = (0UL, 0L);
        var fresh = $"http://127.0.0.1:{Interlocked.Increment(ref _freshPorts)}";
        foreach (var call in row.Before)
        {
            await RunAsync(call);
        }

        try
        {
            await ExpectAsync(client, Filled(row.Call), row.Code, row.Text);
        }
        finally
        {
            foreach (var call in row.After)
            {
                await RunAsync(call);
            }
        }

        async Task RunAsync(string call)
        {
            var operation = Operation.Parse(Filled(call));
            var answer = await client.CallAsync(operation.Verb, operation.Request);
            Assert.True(answer.IsOk, $"{call}: {answer.Status}");
            switch (answer.Message)
            {
                case MemberAddResponse joined:
                    added = joined.Member.ID;
                    break;
                case PutResponse put:
                    revision = put.Header.Revision;
                    break;
            }
        }

        string Filled(string call) => call
            .Replace("{self}", status.Header.MemberId.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("{peer}", member.Peer.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal)
            .Replace("{fresh}", fresh, StringComparison.Ordinal)
            .Replace("{added}", added.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("{revision}", revision.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
    }

    private static async Task ExpectAsync(StoreClient client, string call, RpcStatusCode code, string text)
    {
        var operation = Operation.Parse(call);
        var answer = await client.CallAsync(operation.Verb, operation.Request);
        Assert.Equal(new RpcStatus(code, text), answer.Status);
    }

    private static async Task Eventually(Func<Task<bool>> condition)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        while (!await condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), patience.Token);
        }
    }
}
