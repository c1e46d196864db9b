using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.KeyValues;

/// <summary><c>raftkv get</c></summary>
internal sealed class GetCommand() : ClientCommand("get", "KEY [RANGE_END]", "Read a key or a range of keys")
{
    private Flag<string> _consistency = null!;
    private Flag<string> _order = null!;
    private Flag<string> _sortBy = null!;
    private Flag<long> _limit = null!;
    private Flag<bool> _isPrefix = null!;
    private Flag<bool> _isFrom = null!;
    private Flag<long> _revision = null!;
    private Flag<bool> _keysOnly = null!;
    private Flag<bool> _countOnly = null!;
    private Flag<bool> _valueOnly = null!;
    private Flag<long> _minCreate = null!;
    private Flag<long> _maxCreate = null!;
    private Flag<long> _minModify = null!;
    private Flag<long> _maxModify = null!;

    public override void AddFlags(FlagSet flags)
    {
        _consistency = flags.Text("consistency", "l|s", "l: linearizable, agreed on by the cluster; s: serializable, what one member knows", "l");
        _order = flags.Text("order", "ORDER", "ASCEND or DESCEND");
        _sortBy = flags.Text("sort-by", "TARGET", "CREATE, KEY, MODIFY, VALUE or VERSION");
        _limit = flags.Number("limit", "At most so many keys");
        _isPrefix = flags.Switch("prefix", "All keys that begin with KEY");
        _isFrom = flags.Switch("from-key", "KEY and all keys behind it, in the order of bytes");
        _revision = flags.Number("rev", "As they were at this revision");
        _keysOnly = flags.Switch("keys-only", "Leave values out");
        _countOnly = flags.Switch("count-only", "Only how many there are");
        _valueOnly = flags.Switch("print-value-only", "Leave keys out (simple form only)");
        _minCreate = flags.Number("min-create-rev", "Created at this revision or later");
        _maxCreate = flags.Number("max-create-rev", "Created at this revision or before");
        _minModify = flags.Number("min-mod-rev", "Changed at this revision or later");
        _maxModify = flags.Number("max-mod-rev", "Changed at this revision or before");
    }

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        Request(arguments);
        if (_valueOnly.Value && !session.IsSimple)
        {
            throw CommandFailure.BadArguments("print-value-only is only for `--write-out=simple`");
        }

        ExtraArguments.Warn(session.Console, Name, arguments, 2, "a key and a range's end");
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var response = await session.Cluster.CallAsync(EtcdMethods.Range, Request(arguments), stop, isSafeToRepeat: true);
        if (_countOnly.Value && session.IsSimple)
        {
            session.Output.Line($"{response.Count}");
            return ExitCode.Success;
        }

        session.Printer.Get(response, _valueOnly.Value);
        return ExitCode.Success;
    }

    /// <summary>What the flags and arguments ask for; the txn command asks for the same.</summary>
    /// <exception cref="CommandFailure">They contradict each other, or name what there is not.</exception>
    public RangeRequest Request(ParsedArguments arguments)
    {
        if (arguments.Count == 0)
        {
            throw CommandFailure.BadArguments("get command needs one argument as key and an optional argument as range_end");
        }

        var range = KeyRange.Of(arguments, _isPrefix.Value, _isFrom.Value);
        return new RangeRequest
        {
            Key = range.Key,
            RangeEnd = range.End,
            Limit = _limit.Value,
            Revision = _revision.Value,
            SortOrder = SortOrder(_order.Value),
            SortTarget = SortTarget(_sortBy.Value),
            Serializable = IsSerializable(_consistency.Value),
            KeysOnly = _keysOnly.Value,
            CountOnly = _countOnly.Value,
            MinCreateRevision = _minCreate.Value,
            MaxCreateRevision = _maxCreate.Value,
            MinModRevision = _minModify.Value,
            MaxModRevision = _maxModify.Value,
        };
    }

    private static bool IsSerializable(string consistency) => consistency switch
    {
        "s" => true,
        "l" => false,
        _ => throw new CommandFailure(ExitCode.BadFeature, $"unknown consistency flag {GoQuoted.Of(consistency)}"),
    };

    private static RangeRequest.Types.SortOrder SortOrder(string order) => order.ToUpperInvariant() switch
    {
        "" => RangeRequest.Types.SortOrder.None,
        "ASCEND" => RangeRequest.Types.SortOrder.Ascend,
        "DESCEND" => RangeRequest.Types.SortOrder.Descend,
        _ => throw new CommandFailure(ExitCode.BadFeature, $"bad sort order {order}"),
    };

    private static RangeRequest.Types.SortTarget SortTarget(string target) => target.ToUpperInvariant() switch
    {
        "" or "KEY" => RangeRequest.Types.SortTarget.Key,
        "CREATE" => RangeRequest.Types.SortTarget.Create,
        "MODIFY" => RangeRequest.Types.SortTarget.Mod,
        "VALUE" => RangeRequest.Types.SortTarget.Value,
        "VERSION" => RangeRequest.Types.SortTarget.Version,
        _ => throw new CommandFailure(ExitCode.BadFeature, $"bad sort target {target}"),
    };
}
