// A program that is published trimmed: only what it uses is in it.
//
//   raftkv &
//   dotnet publish samples/SmallClient -c Release -o small
//   small/SmallClient
using RaftKv.Client;

var endpoint = new Uri(args.Length > 0 ? args[0] : "http://127.0.0.1:2379");
await using var client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [endpoint] });
await using var watcher = await client.StartWatchAsync("greeting");
await using (var held = await client.AcquireLockAsync("greeter"))
{
    await held.CommitAsync(new Transaction().Then(Operation.Put("greeting", "hello")));
}

await foreach (var batch in watcher)
{
    if (batch.Events is [var greeting, ..])
    {
        Console.WriteLine($"{greeting.KeyValue.KeyText} is {greeting.KeyValue.ValueText}");
        break;
    }
}

Console.WriteLine($"and read again: {(await client.GetAsync("greeting"))?.ValueText}");
