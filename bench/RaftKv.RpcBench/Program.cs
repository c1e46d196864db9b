using System.Globalization;
using RaftKv.RpcBench;

// What a call of our gRPC layer costs on top of the HTTP/2 server under it.
//
//   dotnet run -c Release --project bench/RaftKv.RpcBench -- [unary|client|stream] [--seconds S] [--rounds N] [--connections C] [--streams M]
//
// Servers run in processes of their own, so that their CPU time and allocations are theirs alone; the kinds take turns
// within every round, and ratios are of medians.
if (args is ["server", var kind])
{
    await BenchServer.RunAsync(kind);
    return 0;
}

var options = new BenchOptions(
    Seconds: Option("--seconds", 5),
    Rounds: Option("--rounds", 3),
    Connections: Option("--connections", 8),
    Streams: Option("--streams", 16));
switch (args.FirstOrDefault(argument => !argument.StartsWith('-')))
{
    case "client":
        await ClientComparison.RunAsync(options);
        return 0;
    case "stream":
        await StreamComparison.RunAsync(options);
        return 0;
    default:
        await ServerComparison.RunAsync(options);
        return 0;
}

int Option(string name, int standard)
{
    var at = Array.IndexOf(args, name);
    return at >= 0 && at + 1 < args.Length ? int.Parse(args[at + 1], CultureInfo.InvariantCulture) : standard;
}
