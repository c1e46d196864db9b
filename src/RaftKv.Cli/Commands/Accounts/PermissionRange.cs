using Google.Protobuf;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.KeyValues;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Commands.Accounts;

/// <summary>The keys that a permission is about, as arguments and --prefix or --from-key name them.</summary>
internal sealed class PermissionRange
{
    private readonly Flag<bool> _isPrefix;
    private readonly Flag<bool> _isFrom;

    public PermissionRange(FlagSet flags)
    {
        _isPrefix = flags.Switch("prefix", "All keys that begin with KEY");
        _isFrom = flags.Switch("from-key", "KEY and all keys behind it, in the order of bytes");
    }

    /// <param name="key">The first key, or the only one, or a prefix.</param>
    /// <param name="end">The key behind the last one, if it was given.</param>
    public (ByteString Key, ByteString End) Of(string key, string? end)
    {
        if (_isPrefix.Value && _isFrom.Value)
        {
            throw CommandFailure.BadArguments("--from-key and --prefix flags are mutually exclusive");
        }

        if (end is not null && (_isPrefix.Value || _isFrom.Value))
        {
            throw CommandFailure.BadArguments($"unexpected endkey argument with --{(_isPrefix.Value ? "prefix" : "from-key")} flag");
        }

        var range = _isPrefix.Value ? KeyRange.Prefix(key) : _isFrom.Value ? KeyRange.From(key) : KeyRange.Of(key);
        return (range.Key, end is null ? range.End : ByteText.Encode(end));
    }
}
