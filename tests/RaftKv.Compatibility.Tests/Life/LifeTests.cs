using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using RaftKv.Compatibility.Tests.Stores;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Life;

/// <summary>
/// What happens to clusters in life, to real processes, while clients go on. RAFTKV_LIFE=long does more of everything.
/// RAFTKV_LIFE_OF=etcd asks the same of etcd, which passes: so the tests want nothing that cannot be had.
/// </summary>
public sealed class LifeTests
{
    private const int Writers = 8;

    private static readonly bool IsLong = Environment.GetEnvironmentVariable("RAFTKV_LIFE") == "long";
    private static readonly StoreKind Kind = Environment.GetEnvironmentVariable("RAFTKV_LIFE_OF") == "etcd" ? StoreKind.Etcd : StoreKind.RaftKv;
    private static readonly int Rounds = IsLong ? 20 : 2;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    // The pause is longer than any member waits before it holds an election.
    private static readonly TimeSpan LongPause = TimeSpan.FromSeconds(4);

    [Fact]
    public async Task A_leader_that_is_killed_takes_nothing_with_it_that_was_acknowledged()
    {
        await using var store = await Target.StartOrSkipAsync(Kind, members: 3);
        await using var load = Load.On(store, Writers);
        for (var round = 0; round < Rounds; round++)
        {
            await load.MoreAsync(200);
            var leader = await store.LeaderAsync(TestContext.Current.CancellationToken);
            await leader.KillAsync();
            var watch = Stopwatch.StartNew();
            await load.MoreAsync(Writers + 1); // More than may have been on their way back.
            Tell($"round {round}: puts were acknowledged again {watch.ElapsedMilliseconds} ms after the leader was killed");
            await load.MoreAsync(200);
            await store.RestartAsync(leader, TestContext.Current.CancellationToken);
        }

        await load.StopAndCheckAsync();
    }

    [Fact]
    public async Task A_leader_that_was_paused_follows_when_it_wakes()
    {
        await using var store = await Target.StartOrSkipAsync(Kind, members: 3);
        await using var load = Load.On(store, Writers);
        for (var round = 0; round < (IsLong ? 10 : 1); round++)
        {
            await load.MoreAsync(200);
            var leader = await store.LeaderAsync(TestContext.Current.CancellationToken);
            await leader.PauseAsync();
            await Task.Delay(LongPause, TestContext.Current.CancellationToken);
            await leader.ResumeAsync();
            await load.MoreAsync(500);
        }

        await load.StopAndCheckAsync();
    }

    [Fact]
    public async Task A_follower_that_missed_more_than_the_log_keeps_gets_a_snapshot()
    {
        // Both keep 5000 entries behind the snapshot that they write after each 1000 here.
        var missed = IsLong ? 100_000 : 8_000;
        await using var store = await Target.StartOrSkipAsync(Kind, members: 3, "--snapshot-count", "1000");
        await using var load = Load.On(store, writers: 64, TimeSpan.Zero);
        await load.MoreAsync(100);
        var leader = await store.LeaderAsync(TestContext.Current.CancellationToken);
        var follower = store.Members.First(member => member != leader);
        await follower.KillAsync();
        for (var written = 0; written < missed; written += 1000)
        {
            await load.MoreAsync(1000);
        }

        await store.RestartAsync(follower, TestContext.Current.CancellationToken);

        await ReachesAsync(follower, leader);
        var id = await IdAsync(follower);

        // Whoever led while it caught up has counted it, when it hears that it has come.
        await Eventually(async () =>
        {
            var sent = await Task.WhenAll(store.Members.Where(member => member != follower).Select(member => MemberMetrics.SnapshotsSentAsync(member, id)));
            return sent.Sum() > 0;
        });
        await load.StopAndCheckAsync();
    }

    [Fact]
    public async Task Members_come_and_go_under_load()
    {
        await using var store = await Target.StartOrSkipAsync(Kind, members: 3);
        await using var load = Load.On(store, Writers);
        for (var round = 0; round < Rounds; round++)
        {
            await load.MoreAsync(100);
            await store.AddAsync(cancellation: TestContext.Current.CancellationToken);
            await load.MoreAsync(100);

            // Once the one that leads, once the one that is there for longest.
            var leaver = round % 2 == 0 ? await store.LeaderAsync(TestContext.Current.CancellationToken) : store.Members[0];
            await store.RemoveAsync(leaver, TestContext.Current.CancellationToken);
            await load.MoreAsync(100);
        }

        Assert.Equal(3, store.Members.Count);
        await load.StopAndCheckAsync();
    }

    [Fact]
    public async Task A_cluster_of_one_grows_under_load()
    {
        await using var store = await Target.StartOrSkipAsync(Kind);
        await using var load = Load.On(store, Writers);
        await load.MoreAsync(100);
        await store.AddAsync(cancellation: TestContext.Current.CancellationToken);
        await load.MoreAsync(100);
        await store.AddAsync(cancellation: TestContext.Current.CancellationToken);
        await load.MoreAsync(100);
        await load.StopAndCheckAsync();
    }

    [Fact]
    public async Task A_learner_gets_everything_and_then_a_vote()
    {
        await using var store = await Target.StartOrSkipAsync(Kind, members: 3);
        await using var load = Load.On(store, Writers);
        await load.MoreAsync(500);

        var learner = await store.AddAsync(isLearner: true, TestContext.Current.CancellationToken);
        await using var client = new StoreClient(learner.Client);
        var request = new RangeRequest
        {
            Key = ByteString.CopyFromUtf8(Load.Prefix),
            RangeEnd = ByteString.CopyFromUtf8("load0"), // The byte after the slash.
            Limit = 1,
        };
        var refused = await client.CallAsync("range", request);
        Assert.Equal("etcdserver: rpc not supported for learner", refused.Status.Detail);
        request.Serializable = true;
        await Eventually(async () => (await client.CallAsync("range", request)).Message is RangeResponse { Count: > 0 });
        var status = await client.CallAsync<StatusResponse>("status", new StatusRequest());
        Assert.True(status.IsLearner);

        await using var leaderClient = new StoreClient((await store.LeaderAsync(TestContext.Current.CancellationToken)).Client);
        await Eventually(async () =>
        {
            try
            {
                // Not ready yet, or without a leader for a moment; or promoted by an earlier attempt whose answer was lost.
                var promoted = await leaderClient.CallAsync("member-promote", new MemberPromoteRequest { ID = status.Header.MemberId });
                Assert.True(
                    promoted.IsOk || promoted.Status.Code is RpcStatusCode.FailedPrecondition or RpcStatusCode.Unavailable, promoted.Status.ToString());
            }
            catch (StoreException)
            {
                // The list tells what became of it.
            }

            return (await MembersAsync(leaderClient)).Any(member => member.ID == status.Header.MemberId && !member.IsLearner);
        });

        // Of four voters three are needed: without one of the others, it is its vote that counts.
        await load.MoreAsync(100);
        await store.Members.First(member => member != learner).KillAsync();
        await load.MoreAsync(300);
        await store.RestartAsync(store.Members.First(member => !member.IsRunning), TestContext.Current.CancellationToken);
        await load.StopAndCheckAsync();
    }

    [Fact]
    public async Task All_members_are_killed_at_once_or_stopped_and_come_back_with_everything()
    {
        await using var store = await Target.StartOrSkipAsync(Kind, members: 3);
        await using var load = Load.On(store, Writers);
        for (var round = 0; round < Rounds; round++)
        {
            await load.MoreAsync(300);
            await Task.WhenAll(store.Members.Select(member => round % 2 == 0 ? member.KillAsync() : member.StopAsync()));
            foreach (var member in store.Members)
            {
                member.Start();
            }

            await load.MoreAsync(300);
        }

        await load.StopAndCheckAsync();
    }

    [Fact]
    public async Task A_member_that_has_lost_its_data_ends_and_is_replaced_by_a_new_one()
    {
        await using var store = await Target.StartOrSkipAsync(Kind, members: 3);
        await using var load = Load.On(store, Writers);
        await using var client = new StoreClient(store.Members[0].Client);
        await Eventually(async () => (await MembersAsync(client)) is { Count: > 0 } members && members.All(member => member.Name.Length > 0));
        await load.MoreAsync(200);
        var lost = store.Members[2];
        await lost.EmptyAsync();

        lost.Start();
        Assert.NotEqual(0, await lost.EndAsync());

        Assert.Contains(
            Kind == StoreKind.Etcd ? "has already been bootstrapped" : "Remove it from the cluster, and add it as a new member", lost.Log);
        await load.MoreAsync(200);
        await store.RemoveAsync(lost, TestContext.Current.CancellationToken);
        await store.AddAsync(cancellation: TestContext.Current.CancellationToken);
        await load.MoreAsync(200);
        await load.StopAndCheckAsync();
    }

    /// <summary>Waits until a member has applied what another one has now.</summary>
    private static async Task ReachesAsync(StoreMember member, StoreMember other)
    {
        await using var client = new StoreClient(member.Client);
        await using var otherClient = new StoreClient(other.Client);
        var goal = (await otherClient.CallAsync<StatusResponse>("status", new StatusRequest())).RaftAppliedIndex;
        await Eventually(async () => (await client.CallAsync<StatusResponse>("status", new StatusRequest())).RaftAppliedIndex >= goal);
    }

    private static async Task<ulong> IdAsync(StoreMember member)
    {
        await using var client = new StoreClient(member.Client);
        return (await client.CallAsync<StatusResponse>("status", new StatusRequest())).Header.MemberId;
    }

    /// <summary>Those of the cluster; none, if nobody can say.</summary>
    private static async Task<IReadOnlyList<Member>> MembersAsync(StoreClient client)
    {
        try
        {
            return (await client.CallAsync<MemberListResponse>("member-list", new MemberListRequest())).Members;
        }
        catch (StoreException)
        {
            return [];
        }
    }

    private static async Task Eventually(Func<Task<bool>> condition)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        while (!await condition())
        {
            await Task.Delay(Pause, patience.Token);
        }
    }

    private static void Tell(FormattableString text)
        => TestContext.Current.TestOutputHelper?.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
