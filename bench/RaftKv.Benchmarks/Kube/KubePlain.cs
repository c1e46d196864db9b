using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Http;
using KubeStore.Registry;
using KubeStore.Resources;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using RaftKv.Client;
using RaftKv.Raft;
using RaftKv.Server;

namespace RaftKv.Benchmarks.Kube;

/// <summary>
/// What KubeStore does in a second on a member in the same process, and what it allocates: creates, gets, lists of all objects
/// from the cache and straight from the store, the same over HTTP, watches that all hear of everything, and the memory of the cache.
/// </summary>
/// <remarks>
/// <code>dotnet run -c Release --project bench/RaftKv.Benchmarks -- plain kube [objects]</code>
/// <para>Bytes are those of the whole process, the member's included, but for what says otherwise.</para>
/// </remarks>
internal static class KubePlain
{
    private const int Writers = 64;
    private const int Watchers = 100;
    private const int Events = 2000;

    public static async Task RunAsync(string[] arguments)
    {
        var count = arguments.Length == 0 ? 10_000 : int.Parse(arguments[0], CultureInfo.InvariantCulture);
        var folder = Directory.CreateTempSubdirectory("raftkv-kube-");
        try
        {
            await using var node = await RaftKvNode.StartAsync(
                new RaftKvOptions { DataDirectory = Path.Join(folder.FullName, "data"), ListenClient = [], ListenPeer = [new IPEndPoint(IPAddress.Loopback, 0)] }).ConfigureAwait(false);
            await node.WaitUntilReadyAsync(default).ConfigureAwait(false);
            await using var channel = node.OpenChannel();
            await using var registry = new KubeRegistry(channel);
            await registry.CreateAsync(registry.Catalog.Find("", "v1", "namespaces")!, "", Named("default"), new()).ConfigureAwait(false);

            Console.WriteLine("| | calls/s | bytes/call |");
            Console.WriteLine("| --- | ---: | ---: |");
            await CreateAsync(registry, count).ConfigureAwait(false);
            await using (var client = RaftKvClient.Over(channel))
            await using (var other = new KubeRegistry(client))
            {
                await CreateAsync(other, count / 10, "through RaftKvClient", "c").ConfigureAwait(false);
            }

            await GetAsync(registry, count).ConfigureAwait(false);
            await ListAsync(registry).ConfigureAwait(false);
            await HttpAsync(registry, count - (count / 10)).ConfigureAwait(false);
            await WatchAsync(registry).ConfigureAwait(false);
            await MemoryAsync(channel).ConfigureAwait(false);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static ResourceDefinition Pods(KubeRegistry registry) => registry.Catalog.Find("", "v1", "pods")!;

    private static JsonObject Named(string name) => new() { ["metadata"] = new JsonObject { ["name"] = name } };

    private static JsonObject Pod(string name) => (JsonObject)JsonNode.Parse($$$$"""
        {"metadata":{"name":"{{{{name}}}}","labels":{"app":"web","pod-template-hash":"5d9c7b6f4"}},
         "spec":{"nodeName":"node-1","containers":[{"name":"main","image":"registry.example/web:1.2.3","ports":[{"containerPort":8080}],
          "env":[{"name":"MODE","value":"production"}],"resources":{"requests":{"cpu":"100m","memory":"128Mi"},"limits":{"memory":"256Mi"}}}]}}
        """)!;

    private static async Task CreateAsync(KubeRegistry registry, int count, string how = "on the member's channel", string prefix = "p")
    {
        var pods = Pods(registry);
        await MeasureAsync($"create a pod, one after the other, {how}", count / 10, 1, i => registry.CreateAsync(pods, "default", Pod($"{prefix}-one-{i:d6}"), new())).ConfigureAwait(false);
        await MeasureAsync($"create a pod, {Writers} at once, {how}", count - (count / 10), Writers, i => registry.CreateAsync(pods, "default", Pod($"{prefix}-{i:d6}"), new())).ConfigureAwait(false);
    }

    private static async Task GetAsync(KubeRegistry registry, int count)
    {
        var pods = Pods(registry);
        var names = count - (count / 10);
        await registry.ListAsync(pods, "", new()).ConfigureAwait(false);
        await MeasureAsync("get a pod, one after the other", count, 1, i => registry.GetAsync(pods, "default", $"p-{i % names:d6}")).ConfigureAwait(false);
        await MeasureAsync($"get a pod, {Writers} at once", count, Writers, i => registry.GetAsync(pods, "default", $"p-{i % names:d6}")).ConfigureAwait(false);
        await MeasureAsync("get a pod from the cache", count * 10, 1, i => registry.GetAsync(pods, "default", $"p-{i % names:d6}", "0")).ConfigureAwait(false);
        await MeasureAsync(
            $"update a pod, {Writers} at once",
            count / 2,
            Writers,
            async i =>
            {
                var pod = (await registry.GetAsync(pods, "default", $"p-{i:d6}").ConfigureAwait(false)).ToJson();
                pod["metadata"]!["labels"]!["touched"] = "yes";
                await registry.UpdateAsync(pods, "default", $"p-{i:d6}", pod, new()).ConfigureAwait(false);
            }).ConfigureAwait(false);
    }

    private static async Task ListAsync(KubeRegistry registry)
    {
        var pods = Pods(registry);
        var all = (await registry.ListAsync(pods, "", new()).ConfigureAwait(false)).Items.Count;
        await MeasureAsync($"list of {all}, consistent, from the cache", 50, 1, _ => registry.ListAsync(pods, "", new()), all).ConfigureAwait(false);
        await MeasureAsync($"list of {all}, as it is at hand", 50, 1, _ => registry.ListAsync(pods, "", new() { ResourceVersion = "0" }), all).ConfigureAwait(false);
        await MeasureAsync($"list of {all} by a label that none has", 50, 1, _ => registry.ListAsync(pods, "", new() { LabelSelector = "app=none" }), all).ConfigureAwait(false);
        await MeasureAsync(
            $"list of {all}, straight from the store",
            20,
            1,
            async _ =>
            {
                var list = await registry.ListAsync(
                    pods, "", new() { ResourceVersion = (await registry.ListAsync(pods, "", new() { Limit = 1 }).ConfigureAwait(false)).Revision.ToString(CultureInfo.InvariantCulture), ResourceVersionMatch = "Exact" }).ConfigureAwait(false);
                Invariant.Holds(list.Items.Count == all);
            },
            all).ConfigureAwait(false);
    }

    private static async Task HttpAsync(KubeRegistry registry, int count)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddRoutingCore();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        await using var disposal = app.ConfigureAwait(false);
        app.MapKubeStore(registry, new KubeApiOptions());
        await app.StartAsync().ConfigureAwait(false);
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        const string Path = "/api/v1/namespaces/default/pods";
        var bytes = (await http.GetByteArrayAsync(Path).ConfigureAwait(false)).LongLength;
        await MeasureAsync($"list over HTTP, {bytes / 1024} KiB", 20, 1, async _ => Invariant.Holds((await http.GetByteArrayAsync(Path).ConfigureAwait(false)).LongLength == bytes)).ConfigureAwait(false);
        await MeasureAsync("get over HTTP", 5000, 16, async i => await http.GetByteArrayAsync($"{Path}/p-{i % count:d6}").ConfigureAwait(false)).ConfigureAwait(false);
        await MeasureAsync(
            "create over HTTP",
            5000,
            16,
            async i =>
            {
                using var body = new StringContent(Pod($"h-{i:d6}").ToJsonString(), Encoding.UTF8, "application/json");
                using var answer = await http.PostAsync(Path, body).ConfigureAwait(false);
                answer.EnsureSuccessStatusCode();
            }).ConfigureAwait(false);
    }

    private static async Task WatchAsync(KubeRegistry registry)
    {
        var maps = registry.Catalog.Find("", "v1", "configmaps")!;
        var from = (await registry.ListAsync(maps, "", new()).ConfigureAwait(false)).Revision.ToString(CultureInfo.InvariantCulture);
        using var stop = new CancellationTokenSource();
        var heard = 0L;
        var everything = new TaskCompletionSource();
        var watching = Enumerable.Range(0, Watchers).Select(async _ =>
        {
            var output = new System.Buffers.ArrayBufferWriter<byte>();
            try
            {
                await foreach (var one in (await registry.WatchAsync(maps, "", new() { ResourceVersion = from }, stop.Token).ConfigureAwait(false)).ConfigureAwait(false))
                {
                    // As the API's stream does.
                    output.ResetWrittenCount();
                    one.Object!.WriteTo(output);
                    if (Interlocked.Increment(ref heard) == (long)Watchers * Events)
                    {
                        everything.SetResult();
                    }
                }
            }
            catch (OperationCanceledException)
            {
                // Enough was heard.
            }
        }).ToList();
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var started = Stopwatch.GetTimestamp();
        await Parallel.ForAsync(0, Events, new ParallelOptions { MaxDegreeOfParallelism = Writers }, async (i, _) =>
            await registry.CreateAsync(maps, "default", Named($"w-{i}"), new(), CancellationToken.None).ConfigureAwait(false)).ConfigureAwait(false);
        await everything.Task.ConfigureAwait(false);
        Print($"events to {Watchers} watchers, {Events} creates included", (double)heard / Stopwatch.GetElapsedTime(started).TotalSeconds, (double)(GC.GetTotalAllocatedBytes(precise: true) - allocated) / heard);
        await stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(watching).ConfigureAwait(false);
    }

    // What a second registry takes that has listed once.
    private static async Task MemoryAsync(RaftKv.Rpc.Client.RpcChannel channel)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var registry = new KubeRegistry(channel);
        await using var disposal = registry.ConfigureAwait(false);
        var (count, json) = await CountAsync(registry).ConfigureAwait(false);
        var memory = GC.GetTotalMemory(forceFullCollection: true) - before;
        GC.KeepAlive(registry);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"memory of {count} cached objects: {memory / count} B each, {json / count} B of them JSON"));
    }

    private static async Task<(int Count, long Json)> CountAsync(KubeRegistry registry)
    {
        var list = await registry.ListAsync(Pods(registry), "", new()).ConfigureAwait(false);
        return (list.Items.Count, list.Items.Sum(one => (long)one.Json.Length));
    }

    private static async Task MeasureAsync(string what, int calls, int atOnce, Func<int, Task> call, int perCall = 1)
    {
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var started = Stopwatch.GetTimestamp();
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, atOnce).Select(_ => Task.Run(async () =>
        {
            for (var i = Interlocked.Increment(ref next); i < calls; i = Interlocked.Increment(ref next))
            {
                await call(i).ConfigureAwait(false);
            }
        }))).ConfigureAwait(false);
        Print(what, calls / Stopwatch.GetElapsedTime(started).TotalSeconds, (double)(GC.GetTotalAllocatedBytes(precise: true) - allocated) / calls, perCall);
    }

    private static void Print(string what, double perSecond, double bytes, int objects = 1)
        => Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {what} | {perSecond:n0} | {bytes:n0}{(objects > 1 ? $" ({bytes / objects:n0} an object)" : "")} |"));
}
