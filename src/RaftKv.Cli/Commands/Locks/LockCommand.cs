using System.Globalization;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Text;
using RaftKv.Client;

namespace RaftKv.Cli.Commands.Locks;

/// <summary><c>raftkv lock</c>: in the same line as etcdctl's locks and the client library's.</summary>
internal sealed class LockCommand() : ClientCommand(
    "lock", "NAME [PROGRAM ARGUMENT...]", "Hold a lock until told to stop, or for as long as a program runs")
{
    private Flag<int> _ttl = null!;

    public override void AddFlags(FlagSet flags)
        => _ttl = flags.Count("ttl", "After how many seconds others get the lock if this command vanishes", 10);

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count == 0)
        {
            throw CommandFailure.BadArguments("lock takes a lock name argument and an optional command to execute");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        using var interruption = new Interruption(stop);
        await using var line = new HeldPlace(session);
        var options = new LockOptions { TimeToLive = TimeSpan.FromSeconds(_ttl.Value) };
        var held = await line.WaitAsync(ByteText.Bytes(arguments[0]), options, interruption.Token);
        if (arguments.Count == 1)
        {
            await line.ShowAsync(interruption.Token);
            return await line.KeepAsync(interruption);
        }

        var program = new CalledProgram(
            [.. arguments.All.Skip(1)],
            ("ETCD_LOCK_KEY", ByteText.Decode(held.Key.Span)),
            ("ETCD_LOCK_REV", held.FencingToken.ToString(CultureInfo.InvariantCulture)));

        // A program that is at work is not cut off; Ctrl-C reaches it by itself.
        using var warning = held.Lost.Register(
            () => session.Console.Error.WriteLine("Warning: the lock is lost, and others may hold it while the program goes on."));
        return await program.RunAsync(CancellationToken.None);
    }
}
