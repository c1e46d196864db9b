using RaftKv.Stores;

namespace RaftKv.Client.Tests.Life;

/// <summary>
/// One client, with the options it comes with, of a cluster of three processes that are killed, paused and cut off while it
/// writes and watches. Of RaftKv and of etcd. RAFTKV_LIFE=long does more of everything.
/// </summary>
public sealed class LifeTests
{
    private static readonly bool IsLong = Environment.GetEnvironmentVariable("RAFTKV_LIFE") == "long";
    private static readonly int Rounds = IsLong ? 10 : 1;
    private static readonly int Watchers = IsLong ? 1000 : 50;
    private static readonly int Writers = IsLong ? 100 : 8;

    // Longer than any member waits before it holds an election.
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(3);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("raftkv")]
    [InlineData("etcd")]
    public async Task Nothing_is_lost_doubled_or_passed_over_whatever_becomes_of_members_and_ways(string name)
    {
        var program = name == "etcd" ? StoreProgram.FindEtcd() : StoreProgram.FindRaftKv();
        Assert.SkipWhen(program is null, $"There is no '{name}' here.");
        await using var store = await StoreProcess.StartAsync(program!, members: 3, cancellation: Stop);
        var links = store.Members.Select(member => new LinkProxy(member.Client)).ToArray();
        await using var direct = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [.. store.Members.Select(member => member.Client)] });
        await using var client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [.. links.Select(link => link.Address)] });
        try
        {
            await using var life = await WritersAndWatchers.StartAsync(client, Writers, Watchers);
            for (var round = 0; round < Rounds; round++)
            {
                await life.MoreAsync(100);
                var leader = await store.LeaderAsync(Stop);
                await leader.KillAsync();
                await life.MoreAsync(100);
                await store.RestartAsync(leader, Stop);
                await life.MoreAsync(100);

                var asleep = store.Members[round % 3];
                await asleep.PauseAsync();
                await Task.Delay(Pause, Stop);
                await asleep.ResumeAsync();
                await life.MoreAsync(100);
            }

            for (var storm = 0; storm < 20; storm++)
            {
                foreach (var link in links)
                {
                    if (storm % 2 == 0)
                    {
                        link.Cut();
                    }
                    else
                    {
                        link.SwallowAnswers(1);
                    }
                }

                await life.MoreAsync(20);
            }

            await life.CheckAsync(direct);
            TestContext.Current.TestOutputHelper?.WriteLine($"{life.Done} writes were acknowledged, {life.Unknown} are unknown");

            // One for each lane to a member, and no more, however many there were.
            Assert.InRange(links.Sum(link => link.Connections), 1, 3 * links.Length);
        }
        finally
        {
            foreach (var link in links)
            {
                await link.DisposeAsync();
            }
        }
    }
}
