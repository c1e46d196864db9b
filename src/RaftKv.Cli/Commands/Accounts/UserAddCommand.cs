using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Auth;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Accounts;

/// <summary><c>raftkv user add</c></summary>
internal sealed class UserAddCommand() : ClientCommand("user add", "NAME[:PASSWORD]", "Add a user, who may do nothing yet")
{
    private Flag<bool> _isInteractive = null!;
    private Flag<string> _password = null!;
    private Flag<bool> _hasNoPassword = null!;

    public override void AddFlags(FlagSet flags)
    {
        _isInteractive = flags.Switch("interactive", "Ask for the password unseen; else it is read from the input", true);
        _password = flags.Text("new-user-password", "PASSWORD", "The new user's password");
        _hasNoPassword = flags.Switch("no-password", "The user has none, and is known by the common name of a certificate");
    }

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("user add command requires user name as its argument");
        }

        if (arguments[0].Split(':')[0].Length == 0)
        {
            throw CommandFailure.BadArguments("empty user name is not allowed");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var parts = arguments[0].Split(':', 2);
        var password = _hasNoPassword.Value ? ""
            : _password.Value.Length > 0 ? _password.Value
            : parts.Length == 2 ? parts[1]
            : PasswordPrompt.ReadNew(session.Console, parts[0], _isInteractive.Value);

        // With the flag, all of the argument is the name.
        var name = _hasNoPassword.Value || _password.Value.Length > 0 ? arguments[0] : parts[0];
        var request = new AuthUserAddRequest { Name = name, Password = password, Options = new UserAddOptions { NoPassword = _hasNoPassword.Value } };
        var response = await session.Cluster.CallAsync(EtcdMethods.UserAdd, request, stop);
        session.Printer.Changed(response, response.Header, $"User {name} created");
        return ExitCode.Success;
    }
}

/// <summary><c>raftkv user passwd</c></summary>
internal sealed class UserPasswdCommand() : ClientCommand("user passwd", "NAME", "Give a user another password")
{
    private Flag<bool> _isInteractive = null!;

    public override void AddFlags(FlagSet flags)
        => _isInteractive = flags.Switch("interactive", "Ask for the password unseen; else it is read from the input", true);

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("user passwd command requires user name as its argument");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var password = PasswordPrompt.ReadNew(session.Console, arguments[0], _isInteractive.Value);
        var request = new AuthUserChangePasswordRequest { Name = arguments[0], Password = password };
        var response = await session.Cluster.CallAsync(EtcdMethods.UserChangePassword, request, stop);
        session.Printer.Changed(response, response.Header, "Password updated");
        return ExitCode.Success;
    }
}
