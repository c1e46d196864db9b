using System.CommandLine;
using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging;
using RaftKv.Server;
using RaftKv.Server.Bootstrap;
using RaftKv.Storage.Files;

namespace RaftKv.Cli.Dev;

/// <summary><c>raftkv dev</c>: a whole cluster in this process, to try things on.</summary>
internal static class DevCommand
{
    private const int MaxMembers = 9;

    private static readonly Option<int> Members = new("--members")
    {
        Description = $"How many members the cluster has, 1 to {MaxMembers}",
        HelpName = "N",
        DefaultValueFactory = _ => 3,
    };

    private static readonly Option<int> FirstPort = new("--port")
    {
        Description = "The first member's port for clients; its peers' port is the next one, and so on. 0: any that are free",
        HelpName = "PORT",
        DefaultValueFactory = _ => 2379,
    };

    private static readonly Option<string> DataDir = new("--data-dir")
    {
        Description = "Where the data lies and stays [default: a folder that goes with the cluster]",
        HelpName = "FOLDER",
    };

    private static readonly Option<LogLevel> MinimumLevel = new("--log-level")
    {
        Description = "What is worth a line",
        HelpName = "LEVEL",
        CustomParser = argument => argument.Tokens[0].Value switch
        {
            "debug" => LogLevel.Debug,
            "info" => LogLevel.Information,
            "warn" => LogLevel.Warning,
            "error" => LogLevel.Error,
            var other => Refuse(argument, other),
        },
        DefaultValueFactory = _ => LogLevel.Information,
    };

    public static Command Create()
    {
        var command = new Command("dev", "Run a cluster in this process, to try things on") { Members, FirstPort, DataDir, MinimumLevel };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
    {
        var output = parsed.InvocationConfiguration.Output;
        var error = parsed.InvocationConfiguration.Error;
        var members = parsed.GetValue(Members);
        var port = parsed.GetValue(FirstPort);
        if (members is < 1 or > MaxMembers || port < 0 || port + (2 * members) - 1 > IPEndPoint.MaxPort)
        {
            await error.WriteLineAsync(
                $"raftkv: {members} members from port {port} on cannot be: --members takes 1 to {MaxMembers}, and each needs two ports up to {IPEndPoint.MaxPort}.");
            return 1;
        }

        var given = parsed.GetValue(DataDir);
        var folder = given is { Length: > 0 } ? given : Directory.CreateTempSubdirectory("raftkv-dev-").FullName;
        var isColoured = !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("NO_COLOR") is null or "";
        var log = new DevLog(output, parsed.GetValue(MinimumLevel), isColoured);
        try
        {
            await using var cluster = await DevCluster.StartAsync(members, port, folder, log, stop);
            await log.WriteAsync(Text(cluster, folder, isKept: folder == given));
            await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await log.WriteAsync("raftkv: stopping");
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 0;
        }
        catch (Exception refusal) when (refusal is BootstrapException or StorageException or UnauthorizedAccessException)
        {
            await error.WriteLineAsync($"raftkv: {refusal.Message}");
            return 1;
        }
        catch (IOException taken)
        {
            await error.WriteLineAsync($"raftkv: {taken.Message} Choose other addresses with --port, or --port 0 for any.");
            return 1;
        }
        finally
        {
            if (folder != given)
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private static string Text(DevCluster cluster, string folder, bool isKept)
    {
        var lines = cluster.Nodes.Select(node => string.Create(
            CultureInfo.InvariantCulture, $"  {node.Name,-3} clients {node.Node.ClientEndPoints[0].Authority}  peers {node.Node.PeerEndPoints[0].Authority}"));
        var endpoints = string.Join(',', cluster.Nodes.Select(node => node.Node.ClientEndPoints[0].Authority));
        return $"""

            raftkv {RaftKvNode.Version}: {cluster.Nodes.Count} {(cluster.Nodes.Count == 1 ? "member is" : "members are")} ready, data in {folder}{(isKept ? "" : ", which goes with them")}
            {string.Join('\n', lines)}
            Try:
              raftkv put greeting hello --endpoints {endpoints}
              raftkv endpoint status --endpoints {endpoints} -w table
            Ctrl-C ends it.

            """;
    }

    private static LogLevel Refuse(System.CommandLine.Parsing.ArgumentResult argument, string text)
    {
        argument.AddError($"--log-level is '{text}'; it must be debug, info, warn or error.");
        return LogLevel.None;
    }
}
