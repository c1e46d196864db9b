using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Accounts;

/// <summary><c>raftkv role get</c></summary>
internal sealed class RoleGetCommand() : ClientCommand("role get", "NAME", "Show what a role may do")
{
    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("role get command requires role name as its argument");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var request = new AuthRoleGetRequest { Role = arguments[0] };
        session.Printer.RoleGet(arguments[0], await session.Cluster.CallAsync(EtcdMethods.RoleGet, request, stop, isSafeToRepeat: true));
        return ExitCode.Success;
    }
}

/// <summary><c>raftkv role list</c></summary>
internal sealed class RoleListCommand() : ClientCommand("role list", "", "Name all roles")
{
    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 0)
        {
            throw CommandFailure.BadArguments("role list command requires no arguments");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        session.Printer.RoleList(await session.Cluster.CallAsync(EtcdMethods.RoleList, new AuthRoleListRequest(), stop, isSafeToRepeat: true));
        return ExitCode.Success;
    }
}
