using Google.Protobuf;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Commands.KeyValues;

/// <summary>The keys that a command is about, as its arguments and --prefix or --from-key name them.</summary>
internal sealed record KeyRange(ByteString Key, ByteString End)
{
    private static readonly ByteString Zero = ByteString.CopyFrom(0);

    public static KeyRange Of(string key) => new(ByteText.Encode(key), ByteString.Empty);

    /// <summary>Every key that begins so.</summary>
    public static KeyRange Prefix(string prefix)
        => prefix.Length == 0 ? new KeyRange(Zero, Zero) : new KeyRange(ByteText.Encode(prefix), EndOfPrefix(ByteText.Bytes(prefix)));

    /// <summary>That key and all behind it.</summary>
    public static KeyRange From(string key) => new(key.Length == 0 ? Zero : ByteText.Encode(key), Zero);

    /// <summary>What get and del have in common.</summary>
    /// <exception cref="CommandFailure">The flags and arguments contradict each other.</exception>
    public static KeyRange Of(ParsedArguments arguments, bool isPrefix, bool isFrom)
    {
        if (isPrefix && isFrom)
        {
            throw CommandFailure.BadArguments("`--prefix` and `--from-key` cannot be set at the same time, choose one");
        }

        if (arguments.Count > 1 && (isPrefix || isFrom))
        {
            throw CommandFailure.BadArguments("too many arguments, only accept one argument when `--prefix` or `--from-key` is set");
        }

        return (isPrefix, isFrom, arguments.Count) switch
        {
            (true, _, _) => Prefix(arguments[0]),
            (_, true, _) => From(arguments[0]),
            (_, _, 1) => Of(arguments[0]),
            _ => new KeyRange(ByteText.Encode(arguments[0]), ByteText.Encode(arguments[1])),
        };
    }

    /// <summary>The first key behind all with the prefix: its last byte that can be raised is, and what follows is cut
    /// off.</summary>
    public static ByteString EndOfPrefix(byte[] prefix)
    {
        for (var i = prefix.Length - 1; i >= 0; i--)
        {
            if (prefix[i] < byte.MaxValue)
            {
                prefix[i]++;
                return ByteString.CopyFrom(prefix, 0, i + 1);
            }
        }

        return Zero;
    }
}
