// Tells what is in a part of the store, and then everything that happens to it, until Enter is pressed:
//   dotnet run -- http://127.0.0.1:2379 some/prefix
using RaftKv.Client;

var endpoint = new Uri(args is [var first, ..] ? first : "http://127.0.0.1:2379");
var range = args is [_, var prefix, ..] ? KeyRange.Prefix(prefix) : KeyRange.All;
await using var client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [endpoint] });
using var stop = new CancellationTokenSource();
_ = Task.Run(() =>
{
    Console.ReadLine();
    stop.Cancel();
});

// It goes on across restarts and cuts, without losing or doubling an event. What was compacted meanwhile is listed anew.
var options = new WatchOptions { StartsWithSnapshot = true, OnCompaction = WatchCompaction.Lists };
try
{
    await foreach (var batch in client.WatchAsync(range, options, stop.Token))
    {
        foreach (var one in batch.Events)
        {
            var what = one.IsDelete ? "deleted" : $"= {one.KeyValue.ValueText}";
            Console.WriteLine($"{(batch.Kind == WatchBatchKind.Snapshot ? "there" : "event")} {one.KeyValue.KeyText} {what}");
        }
    }
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    Console.WriteLine("stopped");
}
