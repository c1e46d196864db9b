using System.Collections.Concurrent;
using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Commands.Watching;

/// <summary><c>raftkv watch</c></summary>
internal sealed class WatchCommand() : ClientCommand("watch", "KEY [RANGE_END] [-- PROGRAM ARGUMENT...]", "Tell every change as it happens")
{
    private WatchFlags _watch = null!;
    private Flag<bool> _interactive = null!;

    public override void AddFlags(FlagSet flags)
    {
        _interactive = flags.Switch("interactive", "Read from standard input what to watch: lines like 'watch KEY', and 'progress'", letter: 'i');
        _watch = new WatchFlags(flags);
    }

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (!_interactive.Value)
        {
            _watch.Order(arguments, session.Console.Environment);
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        if (_interactive.Value)
        {
            return await RunInteractiveAsync(session, stop);
        }

        var order = _watch.Order(arguments, session.Console.Environment);
        using var teller = new WatchTeller(session);
        await teller.TellAsync(order, Watch(order, session), stop);
        throw new CommandFailure(ExitCode.Interrupted, "watch is canceled by the server");
    }

    private static ResumingWatch Watch(WatchOrder order, ClientSession session)
        => new(session.Cluster, order.Request, session.Common.DialTimeout.Value);

    // Reading blocks its thread, for a person may take any time to type; the watches run beside it.
    private static async Task<int> RunInteractiveAsync(ClientSession session, CancellationToken stop)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var teller = new WatchTeller(session);
        var lines = new LineReader(session.Console.Input);
        var watches = new ConcurrentBag<ResumingWatch>();
        var running = new List<Task>();
        try
        {
            while (true)
            {
                var reading = Task.Run(lines.Read, CancellationToken.None);
                await Task.WhenAny([reading, .. running]);
                foreach (var ended in running.Where(task => task.IsCompleted).ToList())
                {
                    running.Remove(ended);
                    await ended;
                }

                var line = await reading ?? throw new CommandFailure(ExitCode.InvalidInput, "Error reading watch request line: EOF");
                var words = CommandWords.Split(line);
                switch (words is [var name, ..] ? name : "")
                {
                    case "watch":
                        var order = Order(words, session);
                        var watch = Watch(order, session);
                        watches.Add(watch);
                        running.Add(teller.TellAsync(order, watch, end.Token));
                        break;
                    case "progress":
                        foreach (var known in watches)
                        {
                            await known.AskForProgressAsync();
                        }

                        break;
                    default:
                        await session.Console.Error.WriteLineAsync($"Invalid command {line} (watch and progress supported)");
                        break;
                }
            }
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static WatchOrder Order(IReadOnlyList<string> words, ClientSession session)
    {
        var flags = new FlagSet();
        var watch = new WatchFlags(flags);
        try
        {
            return watch.Order(flags.Parse(words.Skip(1)), session.Console.Environment);
        }
        catch (CommandFailure wrong)
        {
            throw new CommandFailure(ExitCode.BadArguments, wrong.Message, wrong);
        }
    }
}
