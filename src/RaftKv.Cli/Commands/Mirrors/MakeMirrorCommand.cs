using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.KeyValues;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Commands.Mirrors;

/// <summary><c>raftkv make-mirror</c></summary>
internal sealed class MakeMirrorCommand() : ClientCommand(
    "make-mirror", "DESTINATION", "Copy keys to another cluster, and go on copying every change of them")
{
    private static readonly TimeSpan TellsEvery = TimeSpan.FromSeconds(30);

    private Flag<string> _prefix = null!;
    private Flag<string> _destinationPrefix = null!;
    private Flag<bool> _isAtRoot = null!;
    private Flag<long> _revision = null!;
    private Flag<int> _maxOperations = null!;
    private Flag<string> _certificate = null!;
    private Flag<string> _key = null!;
    private Flag<string> _authorities = null!;
    private Flag<bool> _isPlain = null!;
    private Flag<string> _user = null!;
    private Flag<string> _password = null!;

    public override AnswerForms Forms => AnswerForms.Simple;

    public override void AddFlags(FlagSet flags)
    {
        _prefix = flags.Text("prefix", "PREFIX", "Only keys that begin so");
        _destinationPrefix = flags.Text("dest-prefix", "PREFIX", "What stands for --prefix at the destination");
        _isAtRoot = flags.Switch("no-dest-prefix", "Nothing stands for --prefix at the destination");
        _revision = flags.Number("rev", "Leave out what is there, and begin with the changes from this revision on");
        _maxOperations = flags.Count("max-txn-ops", "Operations in one transaction at the destination", 128);
        _certificate = flags.Text("dest-cert", "FILE", "This client's TLS certificate for the destination, PEM");
        _key = flags.Text("dest-key", "FILE", "The private key of --dest-cert, PEM");
        _authorities = flags.Text("dest-cacert", "FILE", "The authorities that sign the destination's certificates, PEM");
        _isPlain = flags.Switch("dest-insecure-transport", "Connect to the destination without TLS where no certificates are given", true);
        _user = flags.Text("dest-user", "NAME[:PASSWORD]", "Who writes at the destination, where authentication is on");
        _password = flags.Text("dest-password", "PASSWORD", "The password of --dest-user");
    }

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("make-mirror takes one destination argument");
        }

        if (_isAtRoot.Value && _destinationPrefix.IsSet)
        {
            throw CommandFailure.BadArguments("`--dest-prefix` and `--no-dest-prefix` cannot be set at the same time, choose one");
        }

        if (_revision.IsSet && _revision.Value < 1)
        {
            throw CommandFailure.BadArguments("--rev is 1 at least");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        await using var destination = session.Connect(Destination(arguments[0], session.Common));
        var from = ByteText.Bytes(_prefix.Value);
        var to = _isAtRoot.Value ? [] : _destinationPrefix.IsSet ? ByteText.Bytes(_destinationPrefix.Value) : from;
        var writer = new MirrorWriter(destination, from, to, _maxOperations.Value);
        var mirror = new Mirror(session.Cluster, writer, KeyRange.Prefix(_prefix.Value), session.Common.DialTimeout.Value);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var telling = TellAsync(writer, session, end.Token);
        try
        {
            await mirror.RunAsync(_revision.Value, stop);
        }
        catch (ConnectionFailure failure) when (mirror.Revision > 0)
        {
            throw new CommandFailure(
                ExitCode.Error, $"{failure.Message} (everything up to revision {mirror.Revision} is copied: go on with --rev={mirror.Revision + 1})", failure);
        }
        finally
        {
            await end.CancelAsync();
            await telling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return ExitCode.Success;
    }

    // The same flags as the source's, with their own values.
    private CommonFlags Destination(string endpoints, CommonFlags common)
    {
        var flags = new CommonFlags(new FlagSet());
        flags.Endpoints.Set(endpoints);
        flags.DialTimeout.Set(GoDuration.Format(common.DialTimeout.Value));
        flags.CommandTimeout.Set(GoDuration.Format(common.CommandTimeout.Value));
        flags.InsecureTransport.Set(_isPlain.Value ? "true" : "false");
        Copy(_certificate, flags.Certificate);
        Copy(_key, flags.Key);
        Copy(_authorities, flags.Authorities);
        Copy(_user, flags.User);
        Copy(_password, flags.Password);
        return flags;

        static void Copy(Flag<string> from, Flag<string> to)
        {
            if (from.IsSet)
            {
                to.Set(from.Value);
            }
        }
    }

    private static async Task TellAsync(MirrorWriter writer, ClientSession session, CancellationToken stop)
    {
        while (true)
        {
            await Task.Delay(TellsEvery, stop);
            session.Output.Line($"{writer.Written}").Flush();
        }
    }
}
