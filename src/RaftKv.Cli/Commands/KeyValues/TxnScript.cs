using Google.Protobuf;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.KeyValues;

/// <summary>The lines of a transaction: <c>value("key") = "v"</c>, and requests written as the commands of that name.</summary>
internal static class TxnScript
{
    /// <exception cref="CommandFailure">The line is no comparison.</exception>
    public static Compare Comparison(string line)
    {
        var (target, key, sign, operand) = Parts(line);
        var compare = new Compare { Key = ByteString.CopyFrom(key), Result = Result(sign, line) };
        var value = ByteText.Decode(operand);
        switch (target)
        {
            case "ver" or "version":
                compare.Target = Compare.Types.CompareTarget.Version;
                compare.Version = Number(value, line);
                break;
            case "c" or "create":
                compare.Target = Compare.Types.CompareTarget.Create;
                compare.CreateRevision = Number(value, line);
                break;
            case "m" or "mod":
                compare.Target = Compare.Types.CompareTarget.Mod;
                compare.ModRevision = Number(value, line);
                break;
            case "val" or "value":
                compare.Target = Compare.Types.CompareTarget.Value;
                compare.Value = ByteString.CopyFrom(operand);
                break;
            case "lease":
                compare.Target = Compare.Types.CompareTarget.Lease;
                compare.Lease = Number(value, line, 16);
                break;
            default:
                throw Malformed($"{line} (unknown target {target})");
        }

        return compare;
    }

    /// <exception cref="CommandFailure">The line is no request.</exception>
    public static RequestOp Operation(string line)
    {
        var words = CommandWords.Split(line);
        try
        {
            switch (words is [var name, ..] ? name : "")
            {
                case "get":
                    var get = new GetCommand();
                    return new RequestOp { RequestRange = get.Request(Parse(get, words)) };
                case "put":
                    var put = new PutCommand();
                    return new RequestOp { RequestPut = put.Request(Parse(put, words), input: null) };
                case "del":
                    var del = new DelCommand();
                    return new RequestOp { RequestDeleteRange = del.Request(Parse(del, words)) };
            }
        }
        catch (CommandFailure wrong) when (wrong.ExitCode == ExitCode.Error)
        {
            throw new CommandFailure(ExitCode.InvalidInput, $"invalid txn request: {line} ({wrong.Message})", wrong);
        }

        throw new CommandFailure(ExitCode.InvalidInput, $"invalid txn request: {line} (get, put and del are possible)");
    }

    private static ParsedArguments Parse(ClientCommand command, IReadOnlyList<string> words)
    {
        var flags = new FlagSet();
        command.AddFlags(flags);
        return flags.Parse(words.Skip(1));
    }

    private static (string Target, byte[] Key, string Sign, byte[] Operand) Parts(string line)
    {
        var open = line.IndexOf('(', StringComparison.Ordinal);
        if (open < 0)
        {
            throw Malformed(line);
        }

        var afterKey = open + 1 + GoQuoted.Read(line.AsSpan(open + 1), out var key);
        if (afterKey == open + 1 || afterKey >= line.Length || line[afterKey] != ')')
        {
            throw Malformed($"{line} (the key stands in double quotes and parentheses, as in value(\"key\") = \"v\")");
        }

        // A sign runs up to the next blank, as in etcdctl.
        var rest = line.AsSpan(afterKey + 1).TrimStart();
        var end = rest.IndexOf(' ');
        var sign = end < 0 ? "" : rest[..end].ToString();
        var operandText = end < 0 ? [] : rest[end..].TrimStart();
        if (GoQuoted.Read(operandText, out var operand) == 0)
        {
            throw Malformed($"{line} (a comparison is value(\"key\") = \"v\", with blanks around the sign and \"v\" in double quotes)");
        }

        return (line[..open].Trim(), key, sign, operand);
    }

    private static Compare.Types.CompareResult Result(string sign, string line) => sign switch
    {
        "=" => Compare.Types.CompareResult.Equal,
        "!=" => Compare.Types.CompareResult.NotEqual,
        "<" => Compare.Types.CompareResult.Less,
        ">" => Compare.Types.CompareResult.Greater,
        _ => throw Malformed($"{line} (there are =, !=, < and >, not {sign})"),
    };

    private static long Number(string text, string line, int radix = 10)
    {
        try
        {
            return GoNumber.Int64(text, radix);
        }
        catch (FormatException wrong)
        {
            throw new CommandFailure(ExitCode.InvalidInput, $"invalid txn compare request: {line} ({wrong.Message})", wrong);
        }
    }

    private static CommandFailure Malformed(string text) => new(ExitCode.InvalidInput, $"malformed comparison: {text}");
}
