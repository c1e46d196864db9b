// A cluster of three in one process: each member has a disk and a port of its own, and any two of them are enough.
using System.Net;
using RaftKv.Client;
using RaftKv.Server;

int[] ports = args is [_, _, _] ? [.. args.Select(int.Parse)] : [12380, 22380, 32380];
var data = Directory.CreateTempSubdirectory("raftkv-three-");
var cluster = ports.Select((port, i) => ($"m{i}", new Uri($"http://127.0.0.1:{port}"))).ToArray();
var nodes = await Task.WhenAll(ports.Select((port, i) => RaftKvNode.StartAsync(new RaftKvOptions
{
    Name = $"m{i}",
    DataDirectory = Path.Join(data.FullName, $"m{i}"),
    ListenClient = [new IPEndPoint(IPAddress.Loopback, 0)],
    ListenPeer = [new IPEndPoint(IPAddress.Loopback, port)],
    AdvertisePeerUrls = [cluster[i].Item2],
    InitialCluster = cluster,
})));
await Task.WhenAll(nodes.Select(node => node.WaitUntilReadyAsync()));

// One client for all of them: it goes to those that can serve.
await using var client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [.. nodes.SelectMany(node => node.ClientEndPoints)] });
await client.PutAsync("k", "written to three");
Console.WriteLine((await client.GetAsync("k"))!.ValueText);

RaftKvNode? leader;
while ((leader = nodes.FirstOrDefault(node => node.Member.Status.Leader == node.Member.Self)) is null)
{
    await Task.Delay(100); // between two leaders there may be none
}

await leader.DisposeAsync();
await client.PutAsync("k", "written to two, without the one that led");
Console.WriteLine((await client.GetAsync("k"))!.ValueText);

await Task.WhenAll(nodes.Where(node => node != leader).Select(node => node.DisposeAsync().AsTask()));
data.Delete(recursive: true);
