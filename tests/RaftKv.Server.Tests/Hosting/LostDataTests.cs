using RaftKv.Raft;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Hosting;
using RaftKv.Server.Tests.Peers;
using RaftKv.Storage.Files;
using RaftKv.Storage.State;
using RaftKv.Storage.Wal;

namespace RaftKv.Server.Tests.Hosting;

/// <summary>
/// Members that are started without what they had on their disks. What such a one has promised nobody can tell any more, so
/// it must not come back under its name; but whoever has promised nothing may.
/// </summary>
public sealed class LostDataTests
{
    [Fact]
    public async Task A_member_whose_data_is_gone_does_not_come_back_under_its_name()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        await KnowEachOtherAsync(cluster, 0, 1, 2);
        await SmallCluster.PutAsync(cluster[0], "k", "v");
        await cluster.EmptyAsync(2);

        await cluster.StartAsync(2);

        var told = await Assert.ThrowsAsync<MemberLostDataException>(() => cluster[2].Ended);
        Assert.Contains("Remove it from the cluster, and add it as a new member", told.Message, StringComparison.Ordinal);

        // Started once more, it is told once more; for the others, life goes on.
        await cluster.StopAsync(2);
        await cluster.StartAsync(2);
        await Assert.ThrowsAsync<MemberLostDataException>(() => cluster[2].Ended);
        await SmallCluster.PutAsync(cluster[1], "k", "w");
        Assert.Equal("w", await SmallCluster.GetAsync(cluster[0], "k"));
    }

    // A newcomer was told to end by another one, whose log already had the newcomer's own word that it had started.
    [Fact]
    public async Task A_member_that_was_met_before_it_knew_anything_and_judged_after_it_had_announced_itself_goes_on()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        await KnowEachOtherAsync(cluster, 0, 1, 2);

        ((RunningMember)cluster[2].Member).LostData(cluster[0].Member.Self);

        await SmallCluster.PutAsync(cluster[2], "k", "v");
        Assert.False(cluster[2].Ended.IsCompleted);
    }

    [Fact]
    public async Task A_member_whose_data_is_gone_is_replaced_by_a_new_one()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        await KnowEachOtherAsync(cluster, 0, 1, 2);
        await SmallCluster.PutAsync(cluster[0], "k", "v");
        var lost = cluster[2].Member.Self;
        await cluster.EmptyAsync(2);
        await cluster.StartAsync(2);
        await Assert.ThrowsAsync<MemberLostDataException>(() => cluster[2].Ended);
        await cluster.StopAsync(2);

        await cluster.RemoveAsync(lost);
        var added = await cluster.JoinAsync();

        Assert.Equal("v", await SmallCluster.GetAsync(cluster[added], "k"));
    }

    [Fact]
    public async Task A_member_that_joined_and_whose_data_is_gone_is_turned_away_as_well()
    {
        await using var cluster = await SmallCluster.StartAsync(2);
        var added = await cluster.JoinAsync();
        await KnowEachOtherAsync(cluster, 0, 1, added);
        await cluster.EmptyAsync(added);

        await cluster.StartAsync(added);

        await Assert.ThrowsAsync<MemberLostDataException>(() => cluster[added].Ended);
    }

    [Fact]
    public async Task One_other_member_is_enough_to_be_told_by()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        await KnowEachOtherAsync(cluster, 0, 1, 2);
        await SmallCluster.PutAsync(cluster[0], "k", "v");
        await cluster.StopAsync(1);
        await cluster.EmptyAsync(2);

        await cluster.StartAsync(2);
        await Assert.ThrowsAsync<MemberLostDataException>(() => cluster[2].Ended);

        await cluster.StartAsync(1);
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[1], "k"));
    }

    [Fact]
    public async Task Members_that_start_at_the_same_time_remember_who_has_run()
    {
        // Nothing is applied yet when they meet: what their logs say has to do.
        await using var cluster = await SmallCluster.StartAsync(3);
        await KnowEachOtherAsync(cluster, 0, 1, 2);
        await SmallCluster.PutAsync(cluster[0], "k", "v");
        await cluster.StopAsync(0);
        await cluster.StopAsync(1);
        await cluster.EmptyAsync(2);

        await Task.WhenAll(Enumerable.Range(0, 3).Select(cluster.StartAsync));

        await Assert.ThrowsAsync<MemberLostDataException>(() => cluster[2].Ended);
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[0], "k"));
    }

    [Fact]
    public async Task A_cluster_that_has_lost_everything_begins_anew()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        await KnowEachOtherAsync(cluster, 0, 1, 2);
        await SmallCluster.PutAsync(cluster[0], "k", "v");
        for (var i = 0; i < 3; i++)
        {
            await cluster.EmptyAsync(i);
        }

        await Task.WhenAll(Enumerable.Range(0, 3).Select(cluster.StartAsync));

        Assert.Null(await SmallCluster.GetAsync(cluster[0], "k"));
        await SmallCluster.PutAsync(cluster[1], "k", "w");
        Assert.Equal("w", await SmallCluster.GetAsync(cluster[2], "k"));
    }

    [Fact]
    public async Task Who_has_promised_nothing_may_lose_its_data()
    {
        await using var cluster = new SmallCluster(3);
        await cluster.StartAsync(2);
        await cluster.EmptyAsync(2);

        await Task.WhenAll(Enumerable.Range(0, 3).Select(cluster.StartAsync));

        await SmallCluster.PutAsync(cluster[2], "k", "v");
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[0], "k"));
    }

    [Fact]
    public async Task A_founder_that_comes_late_is_welcome()
    {
        await using var cluster = new SmallCluster(3);
        await Task.WhenAll(cluster.StartAsync(0), cluster.StartAsync(1));
        await SmallCluster.PutAsync(cluster[0], "k", "v");
        await KnowEachOtherAsync(cluster, 0, 1);

        await cluster.StartAsync(2);

        Assert.Equal("v", await SmallCluster.GetAsync(cluster[2], "k"));
    }

    [Fact]
    public async Task A_directory_without_its_log_is_refused()
    {
        await using var cluster = await SmallCluster.StartAsync(1);
        await SmallCluster.PutAsync(cluster[0], "k", "v");
        await cluster.StopAsync(0);
        Directory.Delete(Path.Join(cluster.DataPath(0), "wal"), recursive: true);
        await Assert.ThrowsAsync<WalDamagedException>(() => cluster.StartAsync(0));
    }

    [Fact]
    public async Task A_directory_without_its_state_is_refused_when_the_log_does_not_have_all_of_it()
    {
        await using var cluster = await SmallCluster.StartAsync(
            1, options => options with { Applier = options.Applier with { CheckpointEntries = 50, KeptEntries = 10 } });
        for (var i = 0; i < 200; i++)
        {
            await SmallCluster.PutAsync(cluster[0], $"k{i}", "v");
        }

        await cluster.StopAsync(0);
        Directory.Delete(Path.Join(cluster.DataPath(0), "state"), recursive: true);

        var refused = await Assert.ThrowsAsync<BootstrapException>(() => cluster.StartAsync(0));
        Assert.Contains("files are missing", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_directory_that_does_not_say_whose_data_it_holds_is_refused()
    {
        await using var cluster = await SmallCluster.StartAsync(1);
        await SmallCluster.PutAsync(cluster[0], "k", "v");
        await cluster.StopAsync(0);
        File.Delete(Path.Join(cluster.DataPath(0), "MEMBER"));
        await Assert.ThrowsAsync<BootstrapException>(() => cluster.StartAsync(0));
        await Assert.ThrowsAsync<BootstrapException>(() => cluster.StartAsync(0));
    }

    [Fact]
    public async Task A_founding_that_was_interrupted_is_begun_again()
    {
        await using var cluster = new SmallCluster(1);
        var files = new PhysicalFileSystem();
        using (var directory = DataDirectory.Open(files, cluster.DataPath(0), identityIfNew: 7))
        {
            var others = MemberTable.Bootstrapped([new Member(new NodeId(5), "", ["http://127.0.0.1:5"], [], IsLearner: false)]);
            MemberLog.Make(files, directory, new MemberFile(new NodeId(5), ClusterId: 5, IsFounder: true, others));
        }

        await cluster.StartAsync(0);

        await SmallCluster.PutAsync(cluster[0], "k", "v");
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[0], "k"));
        Assert.NotEqual(new NodeId(5), Assert.Single(cluster[0].Member.Members).Id);
    }

    // Until each has heard that each has started.
    private static async Task KnowEachOtherAsync(SmallCluster cluster, params int[] running)
    {
        foreach (var i in running)
        {
            foreach (var id in running.Select(one => cluster[one].Member.Self))
            {
                await TestMember.Until(() => cluster[i].Member.Members.Any(one => one.Id == id && one.HasStarted));
            }
        }
    }
}
