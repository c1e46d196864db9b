using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Accounts;

/// <summary><c>raftkv user get</c></summary>
internal sealed class UserGetCommand() : ClientCommand("user get", "NAME", "Show which roles a user has")
{
    private Flag<bool> _detail = null!;

    public override void AddFlags(FlagSet flags) => _detail = flags.Switch("detail", "Also show what they may do");

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("user get command requires user name as its argument");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var request = new AuthUserGetRequest { Name = arguments[0] };
        var response = await session.Cluster.CallAsync(EtcdMethods.UserGet, request, stop, isSafeToRepeat: true);
        if (!_detail.Value)
        {
            session.Printer.UserGet(arguments[0], response);
            return ExitCode.Success;
        }

        session.Output.Line($"User: {arguments[0]}");
        foreach (var role in response.Roles)
        {
            session.Output.Line();
            session.Printer.RoleGet(
                role, await session.Cluster.CallAsync(EtcdMethods.RoleGet, new AuthRoleGetRequest { Role = role }, stop, isSafeToRepeat: true));
        }

        return ExitCode.Success;
    }
}

/// <summary><c>raftkv user list</c></summary>
internal sealed class UserListCommand() : ClientCommand("user list", "", "Name all users")
{
    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 0)
        {
            throw CommandFailure.BadArguments("user list command requires no arguments");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        session.Printer.UserList(await session.Cluster.CallAsync(EtcdMethods.UserList, new AuthUserListRequest(), stop, isSafeToRepeat: true));
        return ExitCode.Success;
    }
}
