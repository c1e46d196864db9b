using System.Globalization;
using RaftKv.ClientBench;
using RaftKv.Stores;

// What the client costs the program it is in, and how much one instance can do.
//
//   dotnet run -c Release --project bench/RaftKv.ClientBench -- [--seconds S] [--rounds N] [--store raftkv|etcd|URL]
//
// The store is one member in a process of its own; so processor time and allocations are the client's alone. For scale, the
// npm package etcd3 does the same if it is there: `npm ci` in bench/RaftKv.ClientBench/etcd3.
var seconds = int.Parse(Option("--seconds", "4"), CultureInfo.InvariantCulture);
var rounds = int.Parse(Option("--rounds", "3"), CultureInfo.InvariantCulture);
var name = Option("--store", "raftkv");
var program = name == "etcd" ? StoreProgram.FindEtcd() : StoreProgram.FindRaftKv();
await using var started = Uri.TryCreate(name, UriKind.Absolute, out var address)
    ? null
    : await StoreProcess.StartAsync((program ?? throw new FileNotFoundException($"There is no {name} here.")) with { Arguments = ["--quota-backend-bytes", "4294967296"] });
address ??= started!.Members[0].Client;
Console.WriteLine($"one member of {name}, values of 256 bytes, medians of {rounds} rounds of {seconds} s");
Console.WriteLine();
Console.WriteLine("| client | call | at once | calls/s | CPU per call | allocated per call |");
Console.WriteLine("| --- | --- | --- | --- | --- | --- |");
await ClientLoad.RunAsync(address, TimeSpan.FromSeconds(seconds), rounds);
await OtherClient.RunAsync(address, seconds, rounds);
Console.WriteLine();
await WatchLoad.RunAsync(address, rounds);
return 0;

string Option(string name, string standard)
{
    var at = Array.IndexOf(args, name);
    return at >= 0 && at + 1 < args.Length ? args[at + 1] : standard;
}
