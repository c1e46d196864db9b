using System.CommandLine;
using RaftKv.Cli.Commands.Accounts;
using RaftKv.Cli.Commands.Bench;
using RaftKv.Cli.Commands.Checks;
using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Endpoints;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.KeyValues;
using RaftKv.Cli.Commands.Leases;
using RaftKv.Cli.Commands.Locks;
using RaftKv.Cli.Commands.Maintenance;
using RaftKv.Cli.Commands.Members;
using RaftKv.Cli.Commands.Mirrors;
using RaftKv.Cli.Commands.Watching;

namespace RaftKv.Cli.Commands;

/// <summary>
/// The client side of the program. Its command lines are read by etcdctl's rules, which are not those of the rest: flags
/// may stand before the command, and what looks like a flag and is none is refused.
/// </summary>
internal static class ClientProgram
{
    private static readonly Func<ClientCommand>[] Commands =
    [
        () => new GetCommand(),
        () => new PutCommand(),
        () => new DelCommand(),
        () => new TxnCommand(),
        () => new CompactionCommand(),
        () => new WatchCommand(),
        () => new LeaseGrantCommand(),
        () => new LeaseRevokeCommand(),
        () => new LeaseTimeToLiveCommand(),
        () => new LeaseListCommand(),
        () => new LeaseKeepAliveCommand(),
        () => new MemberListCommand(),
        () => new MemberAddCommand(),
        () => new MemberRemoveCommand(),
        () => new MemberUpdateCommand(),
        () => new MemberPromoteCommand(),
        () => new EndpointStatusCommand(),
        () => new EndpointHealthCommand(),
        () => new EndpointHashKvCommand(),
        () => new AlarmListCommand(),
        () => new AlarmDisarmCommand(),
        () => new DefragCommand(),
        () => new MoveLeaderCommand(),
        () => new DowngradeValidateCommand(),
        () => new DowngradeEnableCommand(),
        () => new DowngradeCancelCommand(),
        () => new SnapshotSaveCommand(),
        () => new SnapshotStatusCommand(),
        () => new SnapshotRestoreCommand(),
        () => new RecoverCommand(),
        () => new MakeMirrorCommand(),
        () => new LockCommand(),
        () => new ElectCommand(),
        () => new CheckPerfCommand(),
        () => new CheckDataScaleCommand(),
        () => new AuthEnableCommand(),
        () => new AuthDisableCommand(),
        () => new AuthStatusCommand(),
        () => new UserAddCommand(),
        () => new UserDeleteCommand(),
        () => new UserGetCommand(),
        () => new UserListCommand(),
        () => new UserPasswdCommand(),
        () => new UserGrantRoleCommand(),
        () => new UserRevokeRoleCommand(),
        () => new RoleAddCommand(),
        () => new RoleDeleteCommand(),
        () => new RoleGetCommand(),
        () => new RoleListCommand(),
        () => new RoleGrantPermissionCommand(),
        () => new RoleRevokePermissionCommand(),
        () => new BenchPutCommand(),
        () => new BenchGetCommand(),
        () => new BenchTxnCommand(),
        () => new BenchWatchCommand(),
        () => new BenchLeaseCommand(),
        () => new BenchKeepAliveCommand(),
    ];

    /// <summary>Lets the help text of the whole program name the commands.</summary>
    public static void AddTo(RootCommand raftkv)
    {
        foreach (var group in Commands.Select(create => create()).GroupBy(command => command.Name.Split(' ')[0]))
        {
            var names = group.Select(command => command.Name[group.Key.Length..].Trim()).Where(name => name.Length > 0).ToList();
            raftkv.Subcommands.Add(new Command(group.Key, names.Count > 0 ? string.Join(", ", names) : group.First().Description));
        }
    }

    /// <summary>The commands with what they are for and their flags, those that all share included.</summary>
    public static IEnumerable<(string Name, string Description, IReadOnlyList<Flag> Flags)> Overview()
    {
        foreach (var command in Commands.Select(create => create()))
        {
            var flags = new FlagSet();
            command.AddFlags(flags);
            _ = new CommonFlags(flags);
            yield return (command.Name, command.Description, flags.All);
        }
    }

    /// <summary>Whether a command line begins a client command: its name, with nothing before it but flags that all of them share.</summary>
    public static bool Takes(IReadOnlyList<string> commandLine) => IndexOfCommand(commandLine) >= 0;

    /// <summary>Whether it is one of those that make load, for which the process is set up before it has a socket.</summary>
    public static bool IsLoad(IReadOnlyList<string> commandLine)
        => IndexOfCommand(commandLine) is var at and >= 0 && commandLine[at] is "bench" or "check";

    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> commandLine, ClientConsole console, CancellationToken stop = default)
    {
        try
        {
            return await RunCommandAsync(commandLine, console, stop);
        }
        catch (CommandFailure failure)
        {
            await console.Error.WriteLineAsync($"Error: {OneLine(failure.Message)}");
            return failure.ExitCode;
        }
        catch (ConnectionFailure failure)
        {
            await console.Error.WriteLineAsync($"Error: {OneLine(failure.Message)}");
            return ExitCode.Error;
        }
        catch (ReaderGoneException)
        {
            return ExitCode.ReaderGone;
        }
        catch (IOException failure)
        {
            await console.Error.WriteLineAsync($"Error: {OneLine(failure.Message)}");
            return ExitCode.Error;
        }
    }

    private static async Task<int> RunCommandAsync(IReadOnlyList<string> commandLine, ClientConsole console, CancellationToken stop)
    {
        var at = IndexOfCommand(commandLine);
        var word = commandLine[at];
        var group = Commands.Select(create => create()).Where(command => command.Name.Split(' ')[0] == word).ToList();
        var rest = commandLine.Skip(at + 1).ToList();
        var command = group.Find(command => command.Name == word);
        if (command is null)
        {
            var second = rest.FindIndex(token => !token.StartsWith('-'));
            command = second < 0 ? null : group.Find(command => command.Name == $"{word} {rest[second]}");
            if (command is null)
            {
                return await HelpText.WriteGroupAsync(console, word, group, rest);
            }

            rest.RemoveAt(second);
        }

        var flags = new FlagSet();
        command.AddFlags(flags);
        var own = flags.All.Count;
        var common = new CommonFlags(flags);
        string[] tokens = [.. commandLine.Take(at), .. rest];
        if (tokens.TakeWhile(token => token != "--").Any(token => token is "--help" or "-h"))
        {
            await HelpText.WriteAsync(console, command, flags.All.Take(own), common.All);
            return ExitCode.Success;
        }

        var arguments = flags.Parse(tokens);
        common.TakeEnvironment(console.Environment, console.Error);
        await common.FindEndpointsAsync(console.Dns, stop);
        await using var session = new ClientSession(console, common, command.Forms);
        command.Check(arguments, session);
        try
        {
            return await command.RunAsync(arguments, session, stop);
        }
        finally
        {
            session.Output.Flush();
        }
    }

    private static int IndexOfCommand(IReadOnlyList<string> commandLine)
    {
        var flags = new FlagSet();
        _ = new CommonFlags(flags);
        var at = 0;
        while (at < commandLine.Count)
        {
            var length = flags.LengthOfFirst([.. commandLine.Skip(at)]);
            if (length == 0)
            {
                var word = commandLine[at];
                return Commands.Any(create => create().Name.Split(' ')[0] == word) ? at : -1;
            }

            at += length;
        }

        return -1;
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
