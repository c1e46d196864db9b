using System.Globalization;
using RaftKv.ClientBench;

// What the client costs the program it is in, and how much one instance can do.
//
//   dotnet run -c Release --project bench/RaftKv.ClientBench -- [--seconds S] [--rounds N] [--store raftkv|etcd|URL]
//
// The store is one member in a process of its own; so processor time and allocations are the client's alone. For scale, the
// npm package etcd3 does the same if it is there: `npm ci` in bench/RaftKv.ClientBench/etcd3.
if (args is ["member", var folder, var port])
{
    await StoreProcess.BeMemberAsync(folder, int.Parse(port, CultureInfo.InvariantCulture));
    return 0;
}

var seconds = int.Parse(Option("--seconds", "4"), CultureInfo.InvariantCulture);
var rounds = int.Parse(Option("--rounds", "3"), CultureInfo.InvariantCulture);
await using var store = await StoreProcess.StartAsync(Option("--store", "raftkv"));
Console.WriteLine($"one member of {store.Name}, values of 256 bytes, medians of {rounds} rounds of {seconds} s");
Console.WriteLine();
Console.WriteLine("| client | call | at once | calls/s | CPU per call | allocated per call |");
Console.WriteLine("| --- | --- | --- | --- | --- | --- |");
await ClientLoad.RunAsync(store.Address, TimeSpan.FromSeconds(seconds), rounds);
await OtherClient.RunAsync(store.Address, seconds, rounds);
Console.WriteLine();
await WatchLoad.RunAsync(store.Address, rounds);
return 0;

string Option(string name, string standard)
{
    var at = Array.IndexOf(args, name);
    return at >= 0 && at + 1 < args.Length ? args[at + 1] : standard;
}
