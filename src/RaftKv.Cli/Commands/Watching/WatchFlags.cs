using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.KeyValues;
using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Watching;

/// <summary>What one watch is to tell, and the program to run for every event.</summary>
internal sealed record WatchOrder(WatchCreateRequest Request, IReadOnlyList<string> Program);

/// <summary>How a watch is asked for, on the command line and on the lines of the interactive form.</summary>
internal sealed class WatchFlags
{
    private const string KeyVariable = "ETCDCTL_WATCH_KEY";
    private const string EndVariable = "ETCDCTL_WATCH_RANGE_END";

    private readonly Flag<bool> _isPrefix;
    private readonly Flag<long> _revision;
    private readonly Flag<bool> _previous;
    private readonly Flag<bool> _progress;

    public WatchFlags(FlagSet flags)
    {
        _isPrefix = flags.Switch("prefix", "All keys that begin with KEY");
        _revision = flags.Number("rev", "From this revision on, the past included");
        _previous = flags.Switch("prev-kv", "Show what the key held before");
        _progress = flags.Switch("progress-notify", "Say now and then how far the watch has come");
    }

    /// <exception cref="CommandFailure">It is not said, or not clearly, what to watch.</exception>
    public WatchOrder Order(ParsedArguments arguments, IReadOnlyDictionary<string, string> environment)
    {
        var keys = arguments.All.Take(arguments.BeforeDashes ?? arguments.Count).ToList();
        var program = arguments.All.Skip(keys.Count).ToList();
        if (arguments.BeforeDashes is not null && program.Count == 0)
        {
            throw CommandFailure.BadArguments("bad number of arguments (found separator --, but no commands)");
        }

        var range = Range(keys, environment.GetValueOrDefault(KeyVariable, ""), environment.GetValueOrDefault(EndVariable, ""));
        return new WatchOrder(
            new WatchCreateRequest
            {
                Key = range.Key,
                RangeEnd = range.End,
                StartRevision = _revision.Value,
                PrevKv = _previous.Value,
                ProgressNotify = _progress.Value,
            },
            program);
    }

    private KeyRange Range(List<string> keys, string keyVariable, string endVariable)
    {
        if (keyVariable.Length == 0 && endVariable.Length > 0)
        {
            throw CommandFailure.BadArguments($"{KeyVariable} is empty but got {EndVariable}={GoQuoted.Of(endVariable)}");
        }

        if (keyVariable.Length > 0)
        {
            if (keys.Count > 0)
            {
                throw CommandFailure.BadArguments($"bad number of arguments (found conflicting environment key {KeyVariable})");
            }

            keys = endVariable.Length > 0 ? [keyVariable, endVariable] : [keyVariable];
        }

        if (keys.Count == 0)
        {
            throw CommandFailure.BadArguments("bad number of arguments: watch needs a key, and may take a range's end");
        }

        if (_isPrefix.Value && keys.Count > 1)
        {
            throw CommandFailure.BadArguments("`range_end` and `--prefix` are mutually exclusive");
        }

        return _isPrefix.Value
            ? KeyRange.Prefix(keys[0])
            : keys.Count > 1 ? new KeyRange(ByteText.Encode(keys[0]), ByteText.Encode(keys[1])) : KeyRange.Of(keys[0]);
    }
}
