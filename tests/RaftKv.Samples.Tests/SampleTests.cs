using System.Globalization;
using System.Net;
using RaftKv.Client;
using RaftKv.Server;
using RaftKv.Tests.Shared;

namespace RaftKv.Samples.Tests;

public sealed class SampleTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("raftkv-samples-");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task EmbeddedHello_greets_and_remembers()
    {
        Assert.Equal(["greeting = hello, written 1 time(s)"], await Sample.RunAsync("EmbeddedHello", _folder.FullName));
        Assert.Equal(["greeting = hello, written 2 time(s)"], await Sample.RunAsync("EmbeddedHello", _folder.FullName));
    }

    [Fact]
    public async Task ThreeMembers_goes_on_without_the_one_that_led()
    {
        var ports = FreePorts.Find(3).Select(port => port.ToString(CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(["written to three", "written to two, without the one that led"], await Sample.RunAsync("ThreeMembers", ports));
    }

    [Fact]
    public async Task LeaderElection_lets_each_candidate_lead_in_turn()
    {
        var lines = await Sample.RunAsync("LeaderElection", _folder.FullName);
        Assert.Equal(["anna", "ben", "clara"], lines.Select(line => line.Split(' ')[0]).Order());
        var tokens = lines.Select(line => long.Parse(line.Split(' ')[^1], CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(tokens.Order(), tokens);
    }

    [Fact]
    public async Task WatchToConsole_tells_what_is_there_and_what_happens_until_Enter()
    {
        await using var node = await RaftKvNode.StartAsync(
            new RaftKvOptions
            {
                DataDirectory = Path.Join(_folder.FullName, "data"),
                ListenClient = [new IPEndPoint(IPAddress.Loopback, 0)],
                ListenPeer = [],
            },
            Stop);
        await using var client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = node.ClientEndPoints });
        await client.PutAsync("a/1", "before", cancellation: Stop);
        await client.PutAsync("b/1", "elsewhere", cancellation: Stop);

        using var sample = Sample.Start("WatchToConsole", node.ClientEndPoints[0].ToString(), "a/");
        Assert.Equal("there a/1 = before", await sample.ReadLineAsync());
        await client.PutAsync("a/2", "after", cancellation: Stop);
        await client.DeleteAsync("a/1", cancellation: Stop);
        Assert.Equal("event a/2 = after", await sample.ReadLineAsync());
        Assert.Equal("event a/1 deleted", await sample.ReadLineAsync());
        sample.PressEnter();
        Assert.Equal(["stopped"], await sample.EndAsync());
    }

    [Fact]
    public async Task KubeReplicaSet_has_as_many_pods_as_it_wants()
        => Assert.Equal(
            [
                "three pods",
                "one was deleted, another has taken its place",
                "one pod, and the ReplicaSet says so",
                "none: what belonged to it is gone with it",
            ],
            await Sample.RunAsync("KubeReplicaSet", _folder.FullName));

    [Fact]
    public async Task KubeNetwork_teaches_the_API_a_kind_and_looks_after_it()
    {
        var lines = await Sample.RunAsync("KubeNetwork", _folder.FullName);

        // Who of the two is first is not said.
        Assert.Equal(["100", "101"], lines[1..3].Select(line => line.Split(" has tag ")[1].Split(' ')[0]).Order());
        Assert.Equal(["65536 addresses", "256 addresses"], lines[1..3].Select(line => line.Split(" and ")[1]));
        var blue = lines[1].Split(" has tag ")[1].Split(' ')[0];
        Assert.Equal(["the API knows networks", "red is refused: Invalid", $"white has the tag that blue had: {blue}"], [lines[0], .. lines[3..]]);
    }
}
