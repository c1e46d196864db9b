using Google.Protobuf;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Leases;
using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.KeyValues;

/// <summary><c>raftkv put</c></summary>
internal sealed class PutCommand() : ClientCommand("put", "KEY [VALUE]", "Store a value under a key; without VALUE it is read from standard input")
{
    private Flag<string> _lease = null!;
    private Flag<bool> _previous = null!;
    private Flag<bool> _ignoreValue = null!;
    private Flag<bool> _ignoreLease = null!;

    public override void AddFlags(FlagSet flags)
    {
        _lease = flags.Text("lease", "ID", "The lease that the key goes with, in hexadecimal", "0");
        _previous = flags.Switch("prev-kv", "Show what the key held before");
        _ignoreValue = flags.Switch("ignore-value", "Keep the key's value, and change only the rest");
        _ignoreLease = flags.Switch("ignore-lease", "Keep the key's lease");
    }

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        Request(arguments, () => []);
        ExtraArguments.Warn(session.Console, Name, arguments, 2, "a key and a value");
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var input = arguments.Count == 1 && !_ignoreValue.Value ? await session.Console.ReadAllAsync(stop) : [];
        session.Printer.Put(await session.Cluster.CallAsync(EtcdMethods.Put, Request(arguments, () => input), stop));
        return ExitCode.Success;
    }

    /// <summary>
    /// What the flags and arguments ask for. A value that no argument gives comes from the input, which may be null where
    /// there is nothing to read.
    /// </summary>
    /// <exception cref="CommandFailure">They contradict each other.</exception>
    public PutRequest Request(ParsedArguments arguments, Func<byte[]>? input)
    {
        if (arguments.Count == 0 || (arguments.Count == 1 && !_ignoreValue.Value && input is null))
        {
            throw CommandFailure.BadArguments("put command needs 1 argument and input from stdin or 2 arguments");
        }

        if (_ignoreValue.Value && arguments.Count > 1)
        {
            throw CommandFailure.BadArguments("put command needs only 1 argument when 'ignore-value' is set");
        }

        return new PutRequest
        {
            Key = ByteText.Encode(arguments[0]),
            Value = arguments.Count > 1
                ? ByteText.Encode(arguments[1])
                : _ignoreValue.Value ? ByteString.Empty : UnsafeByteOperations.UnsafeWrap(input!()),
            Lease = LeaseId.Parse(_lease.Value, "bad lease ID"),
            PrevKv = _previous.Value,
            IgnoreValue = _ignoreValue.Value,
            IgnoreLease = _ignoreLease.Value,
        };
    }
}
