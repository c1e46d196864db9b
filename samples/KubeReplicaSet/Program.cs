// A ReplicaSet has as many pods as it wants, whatever becomes of them. Everything is in this process: the store, the
// registry, and the controller, which would be the same against any API server.
using System.Text.Json.Nodes;
using KubeReplicaSet;
using KubeStore;
using KubeStore.Controllers;
using KubeStore.Informers;
using KubeStore.Registry;
using RaftKv.Server;

var folder = args is [var given, ..] ? given : "data";
await using var node = await RaftKvNode.StartAsync(new RaftKvOptions { DataDirectory = folder, ListenClient = [], ListenPeer = [] });
await node.WaitUntilReadyAsync();
await using var channel = node.OpenChannel();
await using var registry = new KubeRegistry(channel);
await using var background = await KubeControllers.StartAsync(registry);

var kube = new RegistryClient(registry);
await using var sets = new SharedInformer(kube, KubeResource.ReplicaSets);
await using var pods = new SharedInformer(kube, KubeResource.Pods);
await using var controller = new Controller(new ReplicaSetReconciler(kube, sets, pods).ReconcileAsync);
controller.Watch(sets);
controller.WatchOwned(pods, "ReplicaSet");
using var stop = new CancellationTokenSource();
var running = controller.RunAsync(stop.Token);

await kube.CreateAsync(KubeResource.ReplicaSets, "default", new JsonObject
{
    ["metadata"] = new JsonObject { ["name"] = "web" },
    ["spec"] = new JsonObject
    {
        ["replicas"] = 3,
        ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["app"] = "web" } },
        ["template"] = new JsonObject
        {
            ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["app"] = "web" } },
            ["spec"] = new JsonObject { ["containers"] = new JsonArray { new JsonObject { ["name"] = "web", ["image"] = "nginx" } } },
        },
    },
});
await pods.UntilAsync(store => store.Count == 3);
Console.WriteLine("three pods");

var victim = pods.Store.All()[0];
await kube.DeleteAsync(KubeResource.Pods, victim.Namespace, victim.Name);
await pods.UntilAsync(store => store.Count == 3 && store.Find(ObjectKey.Of(victim)) is null);
Console.WriteLine("one was deleted, another has taken its place");

var one = new JsonObject { ["spec"] = new JsonObject { ["replicas"] = 1 } };
await kube.PatchAsync(KubeResource.ReplicaSets, "default", "web", PatchType.Merge, one);
await sets.UntilAsync(store => store.Find(new("default", "web"))!.Field("status.replicas") == "1");
Console.WriteLine("one pod, and the ReplicaSet says so");

await kube.DeleteAsync(KubeResource.ReplicaSets, "default", "web", new() { Propagation = Propagation.Background });
await pods.UntilAsync(store => store.Count == 0);
Console.WriteLine("none: what belonged to it is gone with it");

await stop.CancelAsync();
await running;
