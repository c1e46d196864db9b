// Three candidates for one office: one leads at a time, and when it is gone the next one does.
using RaftKv.Client;
using RaftKv.Server;

var folder = args is [var given, ..] ? given : "data";
await using var node = await RaftKvNode.StartAsync(new RaftKvOptions { DataDirectory = folder, ListenClient = [], ListenPeer = [] });
await using var channel = node.OpenChannel();

// In life each of them is a process of its own, somewhere else.
await Task.WhenAll(new[] { "anna", "ben", "clara" }.Select(StandAsync));

async Task StandAsync(string name)
{
    await using var client = RaftKvClient.Over(channel);
    await foreach (var state in client.StandForElectionAsync("scheduler", new LockOptions { Value = name }))
    {
        if (state.Leadership is not { } leadership)
        {
            continue; // Somebody else leads, or nobody yet.
        }

        // A leader that was replaced without having noticed changes nothing: this fails if it no longer leads. For work that
        // takes longer there is leadership.Lost.
        await leadership.CommitAsync(new Transaction().Then(Operation.Put("led-last", name)));
        Console.WriteLine($"{name} leads with token {leadership.FencingToken}");
        return; // Leaving the loop resigns.
    }
}
