using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Accounts;

/// <summary><c>raftkv auth enable</c>: from then on everybody has to be somebody.</summary>
internal sealed class AuthEnableCommand() : ClientCommand("auth enable", "", "Ask all callers who they are")
{
    private const string NoRootRole = "etcdserver: root user does not have root role";
    private const string Root = "root";

    public override void Check(ParsedArguments arguments, ClientSession session) => AuthArguments.CheckNone(Name, arguments);

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        try
        {
            await EnableAsync(session.Cluster, stop);
        }
        catch (ConnectionFailure failure) when (failure.Message == NoRootRole)
        {
            // What nearly everybody forgets, and only one answer can be meant.
            await session.Cluster.CallAsync(EtcdMethods.RoleAdd, new AuthRoleAddRequest { Name = Root }, stop);
            await session.Cluster.CallAsync(EtcdMethods.UserGrantRole, new AuthUserGrantRoleRequest { User = Root, Role = Root }, stop);
            await EnableAsync(session.Cluster, stop);
        }

        session.Output.Line("Authentication Enabled");
        return ExitCode.Success;
    }

    private static Task<AuthEnableResponse> EnableAsync(ClusterConnection cluster, CancellationToken stop)
        => cluster.CallAsync(EtcdMethods.AuthEnable, new AuthEnableRequest(), stop);
}

/// <summary><c>raftkv auth disable</c></summary>
internal sealed class AuthDisableCommand() : ClientCommand("auth disable", "", "Let everybody do everything again")
{
    public override void Check(ParsedArguments arguments, ClientSession session) => AuthArguments.CheckNone(Name, arguments);

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        await session.Cluster.CallAsync(EtcdMethods.AuthDisable, new AuthDisableRequest(), stop);
        session.Output.Line("Authentication Disabled");
        return ExitCode.Success;
    }
}

/// <summary><c>raftkv auth status</c></summary>
internal sealed class AuthStatusCommand() : ClientCommand("auth status", "", "Show whether callers are asked who they are")
{
    public override void Check(ParsedArguments arguments, ClientSession session) => AuthArguments.CheckNone(Name, arguments);

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        session.Printer.AuthStatus(await session.Cluster.CallAsync(EtcdMethods.AuthStatus, new AuthStatusRequest(), stop, isSafeToRepeat: true));
        return ExitCode.Success;
    }
}

internal static class AuthArguments
{
    public static void CheckNone(string name, ParsedArguments arguments)
    {
        if (arguments.Count != 0)
        {
            throw CommandFailure.BadArguments($"{name} command does not accept any arguments");
        }
    }
}
