// A kind of one's own, Network, with a controller that knows the API only by its address. It would be the same against a
// Kubernetes cluster; here the server is in this process, too.
using System.Net;
using System.Text.Json.Nodes;
using KubeNetwork;
using KubeStore;
using KubeStore.Controllers;
using KubeStore.Informers;
using KubeStore.Leading;
using KubeStore.Registry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using RaftKv.Server;

var folder = args is [var given, ..] ? given : "data";
await using var node = await RaftKvNode.StartAsync(new RaftKvOptions { DataDirectory = folder, ListenClient = [], ListenPeer = [] });
await node.WaitUntilReadyAsync();
await using var channel = node.OpenChannel();
await using var registry = new KubeRegistry(channel);
await using var background = await KubeControllers.StartAsync(registry);
var builder = WebApplication.CreateBuilder();
builder.Logging.SetMinimumLevel(LogLevel.Error); // a slow machine is worth a warning, which here would stand between the lines below
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
await using var app = builder.Build();
app.MapKubeStore(registry);
await app.StartAsync();

// From here on there is nothing but an address.
using var kube = new HttpKubeClient(new() { Server = new Uri(app.Urls.First()), Name = "network-controller" });
await NetworkDefinition.InstallAsync(kube);
Console.WriteLine("the API knows networks");

await using var networks = new SharedInformer(kube, NetworkDefinition.Networks);
await using var controller = new Controller(new NetworkReconciler(kube, networks).ReconcileAsync);
controller.Watch(networks);

// Of several instances one works.
using var stop = new CancellationTokenSource();
Task running = new LeaseElection(kube, "default", "network-controller", "instance-1").LeadAsync(controller.RunAsync, stop.Token);

await MakeAsync("blue", "10.1.0.0/16");
await MakeAsync("green", "10.2.0.0/24");
await networks.UntilAsync(store => store.All().Count(network => network.Field("status.phase") == "Ready") == 2);
foreach (var network in networks.Store.All().OrderBy(one => one.Name))
{
    Console.WriteLine($"{network.Name}: {network.Field("spec.cidr")} has tag {network.Field("status.tag")} and {network.Field("status.addresses")} addresses");
}

try
{
    await MakeAsync("red", "10.3.0.0");
}
catch (KubeStore.Failures.StatusException refused)
{
    Console.WriteLine($"red is refused: {refused.Status.Reason}");
}

// Its tag is taken back before it goes: that is what its finalizer waits for.
await kube.DeleteAsync(NetworkDefinition.Networks, "default", "blue");
await networks.UntilAsync(store => store.Count == 1);
await MakeAsync("white", "10.4.0.0/28");
await networks.UntilAsync(store => store.Find(new("default", "white"))?.Field("status.phase") == "Ready");
Console.WriteLine($"white has the tag that blue had: {networks.Store.Find(new("default", "white"))!.Field("status.tag")}");

await stop.CancelAsync();
await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
await app.StopAsync();

Task MakeAsync(string name, string cidr) => kube.CreateAsync(
    NetworkDefinition.Networks,
    "default",
    new JsonObject { ["metadata"] = new JsonObject { ["name"] = name }, ["spec"] = new JsonObject { ["cidr"] = cidr } });
