using RaftKv.Protocol.Etcd;
using RaftKv.Raft;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Server.Replica;
using RaftKv.Server.Tests.Peers;
using RaftKv.Storage.State;

namespace RaftKv.Server.Tests.Hosting;

public sealed class RaftKvNodeTests
{
    [Fact]
    public async Task A_member_on_its_own_keeps_what_it_was_given()
    {
        await using var cluster = await SmallCluster.StartAsync(1);
        for (var i = 0; i < 100; i++)
        {
            var answer = await SmallCluster.PutAsync(cluster[0], $"k{i}", $"v{i}");
            Assert.Equal(Storage.State.StateError.None, answer.Error);
            Assert.InRange(answer.Revision, i + 2, long.MaxValue); // more, if one was repeated
        }

        await cluster.StopAsync(0);
        await cluster.StartAsync(0);

        Assert.Equal("v0", await SmallCluster.GetAsync(cluster[0], "k0"));
        Assert.Equal("v99", await SmallCluster.GetAsync(cluster[0], "k99"));
    }

    [Fact]
    public async Task A_member_that_is_told_to_listen_nowhere_has_no_port_and_stops_once_however_often_it_is_told_to()
    {
        var folder = Directory.CreateTempSubdirectory("raftkv-test-");
        var node = await RaftKvNode.StartAsync(
            new RaftKvOptions { DataDirectory = Path.Join(folder.FullName, "data"), ListenClient = [], ListenPeer = [] },
            TestContext.Current.CancellationToken);
        Assert.Empty(node.ClientEndPoints);
        Assert.Empty(node.PeerEndPoints);
        await SmallCluster.PutAsync(node, "k", "v");
        await node.DisposeAsync();
        await node.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_member_with_others_must_listen_for_them()
    {
        var folder = Directory.CreateTempSubdirectory("raftkv-test-");
        var options = new RaftKvOptions
        {
            Name = "a",
            DataDirectory = Path.Join(folder.FullName, "data"),
            ListenClient = [],
            ListenPeer = [],
            AdvertisePeerUrls = [new Uri("http://127.0.0.1:1")],
            InitialCluster = [("a", new Uri("http://127.0.0.1:1")), ("b", new Uri("http://127.0.0.1:2"))],
        };
        await Assert.ThrowsAsync<Bootstrap.BootstrapException>(() => RaftKvNode.StartAsync(options, TestContext.Current.CancellationToken));
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_member_without_a_leader_refuses_what_needs_one_and_shows_what_it_has()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        var revision = (await SmallCluster.PutAsync(cluster[0], "k", "v")).Revision;
        await cluster[0].WaitUntilReadyAsync(TestContext.Current.CancellationToken);
        await cluster.StopAsync(1);
        await cluster.StopAsync(2);
        await TestMember.Until(() => cluster[0].Member.Status.Leader.IsNone);

        // Each is tried for as long as a request may take, so all at once.
        Task[] tries =
        [
            SmallCluster.PutOnceAsync(cluster[0], "k", "w"),
            SmallCluster.GetOnceAsync(cluster[0], "k"),
            cluster[0].Member.RenewLeaseAsync(1, TestContext.Current.CancellationToken).AsTask(),
        ];
        foreach (var one in tries)
        {
            await Assert.ThrowsAsync<RequestRefusedException>(() => one);
        }

        using var view = cluster[0].Member.OpenView();
        Assert.Equal(revision, view.Revision);
    }

    [Fact]
    public async Task Every_member_takes_writes_and_reads_what_others_wrote()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        for (var i = 0; i < 30; i++)
        {
            await SmallCluster.PutAsync(cluster[i % 3], $"k{i}", $"v{i}");
            Assert.Equal($"v{i}", await SmallCluster.GetAsync(cluster[(i + 1) % 3], $"k{i}"));
        }
    }

    [Fact]
    public async Task A_program_around_a_member_needs_no_socket()
    {
        await using var cluster = await SmallCluster.StartAsync(1);
        await using var channel = cluster[0].OpenChannel();
        var kv = RpcReflection.Descriptor.Services.Single(service => service.Name == "KV");
        var watch = RpcReflection.Descriptor.Services.Single(service => service.Name == "Watch").FindMethodByName("Watch");
        await using var watching = channel.Duplex(RpcMethod.Of<WatchRequest, WatchResponse>(watch), new RpcCallOptions());
        var key = Google.Protobuf.ByteString.CopyFromUtf8("k");

        // From a revision on, because the put may be faster than the watch.
        await watching.Requests.WriteAsync(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = key, StartRevision = 2 } });
        var seen = ReadEventAsync(watching.Responses);

        await channel.UnaryAsync(
            RpcMethod.Of<PutRequest, PutResponse>(kv.FindMethodByName("Put")),
            new PutRequest { Key = key, Value = Google.Protobuf.ByteString.CopyFromUtf8("v") },
            new RpcCallOptions { Timeout = TimeSpan.FromSeconds(10) });

        Assert.Equal("v", (await seen).Kv.Value.ToStringUtf8());

        static async Task<Protocol.Mvcc.Event> ReadEventAsync(RpcResponseReader<WatchResponse> responses)
        {
            await foreach (var response in responses)
            {
                if (response.Events.Count > 0)
                {
                    return response.Events[0];
                }
            }

            throw new InvalidOperationException("The stream ended without an event.");
        }
    }

    [Fact]
    public async Task A_member_that_was_away_catches_up()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        await SmallCluster.PutAsync(cluster[0], "before", "1");
        await cluster.StopAsync(2);
        for (var i = 0; i < 50; i++)
        {
            await SmallCluster.PutAsync(cluster[i % 2], $"k{i}", $"v{i}");
        }

        await cluster.StartAsync(2);

        Assert.Equal("v49", await SmallCluster.GetAsync(cluster[2], "k49"));
    }

    [Fact]
    public async Task A_member_that_is_too_far_behind_is_sent_the_state()
    {
        await using var cluster = await SmallCluster.StartAsync(
            3, options => options with { Applier = options.Applier with { CheckpointEntries = 50, KeptEntries = 10 } });
        await SmallCluster.PutAsync(cluster[0], "before", "1");
        await cluster.StopAsync(2);
        for (var i = 0; i < 500; i++)
        {
            await SmallCluster.PutAsync(cluster[i % 2], $"k{i}", $"v{i}");
        }

        // A leader serves those who were away for a moment from its memory.
        for (var i = 0; i < 2; i++)
        {
            await cluster.StopAsync(i);
            await cluster.StartAsync(i);
        }

        await cluster.StartAsync(2);

        Assert.Equal("1", await SmallCluster.GetAsync(cluster[2], "before"));
        Assert.Equal("v499", await SmallCluster.GetAsync(cluster[2], "k499"));

        // Who receives it can serve before who sent it has heard so.
        await TestMember.Until(() => cluster[0].Peers.Concat(cluster[1].Peers).Sum(peer => peer.SnapshotsDelivered) == 1);
        await SmallCluster.PutAsync(cluster[2], "after", "2");
        await cluster.StopAsync(2);
        await cluster.StartAsync(2);
        Assert.Equal("2", await SmallCluster.GetAsync(cluster[2], "after"));
    }

    [Fact]
    public async Task A_learner_that_has_nothing_yet_gets_no_vote_however_short_the_log()
    {
        await using var cluster = await SmallCluster.StartAsync(1);
        var member = cluster[0].Member;
        var learner = new Storage.State.Member(new NodeId(77), "", ["http://127.0.0.1:1"], [], IsLearner: true);
        await member.ChangeMembersAsync(MemberChange.Add(learner), TestContext.Current.CancellationToken);

        var refused = await Assert.ThrowsAsync<RequestRefusedException>(
            async () => await member.ChangeMembersAsync(MemberChange.Promote(learner.Id), TestContext.Current.CancellationToken));

        Assert.Equal(RequestRefusal.LearnerNotReady, refused.Reason);
        await SmallCluster.PutAsync(cluster[0], "still", "writable");
    }

    [Fact(Timeout = 120_000)]
    public async Task A_newcomer_that_still_reads_of_old_times_turns_no_member_away()
    {
        await using var cluster = await SmallCluster.StartAsync(2);
        for (var i = 0; i < 5; i++)
        {
            // What happened before the others came keeps the newcomers busy for a while.
            await Task.WhenAll(Enumerable.Range(0, 1000).Select(n => SmallCluster.PutAsync(cluster[0], $"k{n}", $"v{i}")));
        }

        for (var i = 2; i <= 3; i++)
        {
            await cluster.JoinAsync();
            Assert.Equal("v4", await SmallCluster.GetAsync(cluster[i], "k999"));
        }

        await SmallCluster.PutAsync(cluster[3], "last", "v");
        Assert.All(Enumerable.Range(0, 4), i => Assert.False(cluster[i].Ended.IsCompleted, $"m{i} has ended"));
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[1], "last"));
    }
}
