using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.KeyValues;

/// <summary><c>raftkv txn</c>: comparisons and two lists of requests from standard input, each list ended by an empty line.</summary>
internal sealed class TxnCommand() : ClientCommand("txn", "", "Compare, then do one of two lists of requests, all at once; read from standard input")
{
    private Flag<bool> _interactive = null!;

    public override void AddFlags(FlagSet flags) => _interactive = flags.Switch("interactive", "Say what is expected next", letter: 'i');

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count > 0)
        {
            throw CommandFailure.BadArguments("txn command does not accept argument");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var lines = new LineReader(session.Console.Input);
        var request = new TxnRequest();
        Prompt(session, "compares:");
        request.Compare.AddRange(Read(lines).Select(TxnScript.Comparison));
        Prompt(session, "success requests (get, put, del):");
        request.Success.AddRange(Read(lines).Select(TxnScript.Operation));
        Prompt(session, "failure requests (get, put, del):");
        request.Failure.AddRange(Read(lines).Select(TxnScript.Operation));
        session.Printer.Txn(await session.Cluster.CallAsync(EtcdMethods.Txn, request, stop));
        return ExitCode.Success;
    }

    private static IEnumerable<string> Read(LineReader lines)
    {
        while (true)
        {
            var line = lines.Read()
                ?? throw new CommandFailure(ExitCode.InvalidInput, "EOF: the input ended, but three lists are needed, each ended by an empty line");
            if (line.Length == 0)
            {
                yield break;
            }

            yield return line;
        }
    }

    private void Prompt(ClientSession session, string text)
    {
        if (_interactive.Value)
        {
            session.Output.Line(text).Flush();
        }
    }
}
