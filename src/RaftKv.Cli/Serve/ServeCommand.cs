using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Logging;
using RaftKv.Cli.Serve.Config;
using RaftKv.Cli.Serve.Logging;
using RaftKv.Cli.Serve.Tracing;
using RaftKv.Server;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Hosting;
using RaftKv.Storage.Files;

namespace RaftKv.Cli.Serve;

/// <summary><c>raftkv</c> without a command: a member, until it is told to stop.</summary>
internal static class ServeCommand
{
    /// <param name="raftkv">The program.</param>
    /// <param name="start">What starts a member; null: the usual. Fault tests give it a disk and a clock of their own.</param>
    public static void AddTo(RootCommand raftkv, Func<RaftKvOptions, CancellationToken, Task<RaftKvNode>>? start = null)
    {
        var flags = new ServeFlags();
        raftkv.Subcommands.Add(ConfigCommand.Create(raftkv, flags));
        foreach (var flag in flags.All.Concat(OtherFlags.All))
        {
            raftkv.Options.Add(flag);
        }

        raftkv.SetAction((parsed, stop) => RunAsync(raftkv, flags, start ?? RaftKvNode.StartAsync, parsed, stop));
    }

    private static async Task<int> RunAsync(
        RootCommand raftkv,
        ServeFlags flags,
        Func<RaftKvOptions, CancellationToken, Task<RaftKvNode>> start,
        ParseResult parsed,
        CancellationToken stop)
    {
        var output = parsed.InvocationConfiguration.Output;
        var error = parsed.InvocationConfiguration.Error;
        try
        {
            (parsed, var warnings) = ServeArguments.Read(raftkv, flags, parsed, Environment.GetEnvironmentVariables());
            foreach (var warning in warnings)
            {
                await error.WriteLineAsync($"raftkv: {warning}");
            }

            var levels = new LogLevelSwitch(flags.Log.Level(parsed));
            var tracing = flags.Tracing.Read(parsed);
            using var lines = flags.Log.Open(parsed);
            using var loggers = LoggerFactory.Create(logging => logging
                .SetMinimumLevel(LogLevel.Trace)
                .AddFilter((category, level) => IsWorthALine(category, level, levels.Level))
                .AddProvider(new LineLoggers(lines, flags.Log.IsJson(parsed), TimeProvider.System)));
            using var traces = tracing is null ? null : new TraceExport(tracing, loggers.CreateLogger("raftkv"));
            return await ServeAsync(start, flags.Read(parsed) with { Loggers = loggers, LogLevels = levels }, output, error, stop);
        }
        catch (Exception refusal) when (refusal is FlagException or BootstrapException or StorageException or MemberRemovedException or MemberLostDataException)
        {
            await error.WriteLineAsync($"raftkv: {refusal.Message}");
            return 1;
        }
        catch (UnauthorizedAccessException refusal)
        {
            await error.WriteLineAsync($"raftkv: {refusal.Message} Choose another folder with --data-dir.");
            return 1;
        }
        catch (IOException taken)
        {
            await error.WriteLineAsync(
                $"raftkv: {taken.Message} Choose another address with --listen-client-urls, or --listen-peer-urls.");
            return 1;
        }
    }

    private static bool IsWorthALine(string? category, LogLevel level, LogLevel wanted)
        => category?.StartsWith("Microsoft.Extensions.Hosting", StringComparison.Ordinal) == true ? false // It repeats what is thrown.
            : category?.StartsWith("Microsoft", StringComparison.Ordinal) == true ? level >= LogLevel.Warning && level >= wanted
            : level >= wanted;

    private static async Task<int> ServeAsync(
        Func<RaftKvOptions, CancellationToken, Task<RaftKvNode>> start, RaftKvOptions options, TextWriter output, TextWriter error, CancellationToken stop)
    {
        await using var node = await start(options, stop);
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"raftkv {RaftKvNode.Version} (etcd API {RaftKvNode.EtcdVersion}): member '{options.Name}' {node.Member.Self} of cluster {node.Member.ClusterId:x16}"));
        await output.WriteLineAsync($"  data     {node.DataPath}");
        await output.WriteLineAsync($"  clients  {Text(node.ClientEndPoints)}");
        await output.WriteLineAsync($"  peers    {Text(node.PeerEndPoints)}");
        if (node.HttpEndPoints.Count > 0)
        {
            await output.WriteLineAsync($"  http     {Text(node.HttpEndPoints)}");
        }

        if (node.MetricsEndPoints.Count > 0)
        {
            await output.WriteLineAsync($"  metrics  {Text(node.MetricsEndPoints)}");
        }

        _ = SayRoleAsync(node, output, stop);
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = stop.Register(stopped.SetResult);
        if (await Task.WhenAny(stopped.Task, node.Ended) == stopped.Task)
        {
            ServiceNotice.Say("STOPPING=1");
            await output.WriteLineAsync("raftkv: stopping");
            return 0;
        }

        try
        {
            await node.Ended;
            return 0;
        }
        catch (MemberFailedException failed)
        {
            await error.WriteLineAsync($"raftkv: {failed.Message} The member stopped, so that nothing wrong is told or written; start it again when the cause is removed.");
            return 1;
        }
    }

    private static async Task SayRoleAsync(RaftKvNode node, TextWriter output, CancellationToken stop)
    {
        try
        {
            await node.WaitUntilReadyAsync(stop);
            var status = node.Member.Status;
            var role = status.IsLearner ? "learner" : status.Leader == node.Member.Self ? "leader" : $"follower of {status.Leader}";
            await output.WriteLineAsync($"raftkv: ready, {role} in term {status.Term}");
            await output.FlushAsync(stop);
            ServiceNotice.Say("READY=1");
        }
        catch (OperationCanceledException)
        {
            // It stops before it was ready.
        }
    }

    private static string Text(IEnumerable<Uri> urls) => string.Join(",", urls.Select(url => url.GetLeftPart(UriPartial.Authority)));
}
