using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.KeyValues;

/// <summary><c>raftkv del</c></summary>
internal sealed class DelCommand() : ClientCommand("del", "KEY [RANGE_END]", "Delete a key or a range of keys")
{
    private Flag<bool> _isPrefix = null!;
    private Flag<bool> _isFrom = null!;
    private Flag<bool> _previous = null!;

    public override void AddFlags(FlagSet flags)
    {
        _isPrefix = flags.Switch("prefix", "All keys that begin with KEY");
        _isFrom = flags.Switch("from-key", "KEY and all keys behind it, in the order of bytes");
        _previous = flags.Switch("prev-kv", "Show what was deleted");
        flags.Switch("range", "Taken for etcdctl's sake: two arguments are a range anyway");
    }

    public override void Check(ParsedArguments arguments, ClientSession session) => Request(arguments);

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        session.Printer.Delete(await session.Cluster.CallAsync(EtcdMethods.DeleteRange, Request(arguments), stop));
        return ExitCode.Success;
    }

    /// <inheritdoc cref="GetCommand.Request"/>
    public DeleteRangeRequest Request(ParsedArguments arguments)
    {
        if (arguments.Count is 0 or > 2)
        {
            throw CommandFailure.BadArguments("del command needs one argument as key and an optional argument as range_end");
        }

        var range = KeyRange.Of(arguments, _isPrefix.Value, _isFrom.Value);
        return new DeleteRangeRequest { Key = range.Key, RangeEnd = range.End, PrevKv = _previous.Value };
    }
}
