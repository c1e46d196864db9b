using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Client;

namespace RaftKv.Client.Tests;

/// <summary>Members that a client was not told of, and finds.</summary>
public sealed class MemberFinderTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Members_that_come_are_used_and_those_that_go_are_left()
    {
        var time = new ManualTime();
        await using var given = await ScriptedMember.StartAsync(time);
        await using var second = await ScriptedMember.StartAsync(time);
        await using var third = await ScriptedMember.StartAsync(time);
        given.MemberList = () => Members(given, second);
        await using var client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [given.Address], FollowsMembers = true, Time = time });
        await KnowsAsync(client, time, given, second);

        second.MemberList = third.MemberList = given.MemberList = () => Members(given, third);
        await KnowsAsync(client, time, given, third);

        await given.DisposeAsync();
        var read = client.GetAsync("k", cancellation: Stop).AsTask();
        while (!read.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(20));
            await Task.WhenAny(read, Task.Delay(5, Stop));
        }

        Assert.Null(await read);
        Assert.True(third.Calls > 0);
    }

    [Fact]
    public async Task The_channel_of_somebody_else_is_left_as_it_is()
    {
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [new("http://127.0.0.1:1")] });
        Assert.Throws<ArgumentException>(() => RaftKvClient.Over(channel, new RaftKvClientOptions { FollowsMembers = true }));
    }

    private static MemberListResponse Members(params ScriptedMember[] members)
    {
        var list = new MemberListResponse { Header = new() };
        list.Members.AddRange(members.Select(member => new Member { ClientURLs = { member.Address.ToString() } }));

        // One that has not started, one that cannot serve, one that is somewhere else entirely.
        list.Members.Add(new Member());
        list.Members.Add(new Member { ClientURLs = { "http://127.0.0.1:2" }, IsLearner = true });
        list.Members.Add(new Member { ClientURLs = { "unix://localhost:1", "where?" } });
        return list;
    }

    private static async Task KnowsAsync(RaftKvClient client, ManualTime time, params ScriptedMember[] members)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        patience.CancelAfter(Patience);
        var expected = members.Select(member => member.Address).ToHashSet();
        while (!expected.SetEquals(client.Maintenance.Endpoints))
        {
            time.Advance(TimeSpan.FromMilliseconds(500));
            await Task.Delay(5, patience.Token);
        }
    }
}
