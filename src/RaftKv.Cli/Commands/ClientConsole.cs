using System.Buffers;
using System.Collections;
using System.Text;
using RaftKv.Cli.Commands.Text;
using RaftKv.Cli.Discovery;

namespace RaftKv.Cli.Commands;

/// <summary>What a command reads from, writes to and finds around it. Standard output and input are bytes, not text.</summary>
internal sealed record ClientConsole(
    Stream Input, Stream Output, TextWriter Error, IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>Whether a person looks at standard error, so that a line there may change while they look.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Whether a person types what is read.</summary>
    public bool InputIsTerminal { get; init; }

    /// <summary>Who knows where services are.</summary>
    public Func<SrvLookup> Dns { get; init; } = SrvLookup.OfSystem;

    /// <summary>This process's own.</summary>
    public static ClientConsole OfProcess() => new(
        Console.OpenStandardInput(),
        OperatingSystem.IsWindows() ? Console.OpenStandardOutput() : new StandardOutput(),
        Console.Error,
        System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(
            variable => (string)variable.Key, variable => (string?)variable.Value ?? "", StringComparer.Ordinal))
    {
        ErrorIsTerminal = !Console.IsErrorRedirected,
        InputIsTerminal = !Console.IsInputRedirected,
    };

    /// <summary>Everything that is left of the input.</summary>
    public async Task<byte[]> ReadAllAsync(CancellationToken stop)
    {
        using var all = new MemoryStream();
        await Input.CopyToAsync(all, stop);
        return all.ToArray();
    }
}

/// <summary>Answers on their way to standard output, text and bytes alike; shown when flushed.</summary>
internal sealed class AnswerWriter(Stream output)
{
    private const int FlushedAt = 64 * 1024;

    private readonly ArrayBufferWriter<byte> _waiting = new();

    public AnswerWriter Text(string text) => Bytes(Encoding.UTF8.GetBytes(text));

    public AnswerWriter Line(string text = "") => Text(text + "\n");

    public AnswerWriter Bytes(ReadOnlySpan<byte> bytes)
    {
        _waiting.Write(bytes);
        if (_waiting.WrittenCount >= FlushedAt)
        {
            Flush();
        }

        return this;
    }

    public void Flush()
    {
        output.Write(_waiting.WrittenSpan);
        output.Flush();
        _waiting.ResetWrittenCount();
    }
}

/// <summary>Lines of standard input as byte texts, one at a time, so that a person may type them.</summary>
internal sealed class LineReader(Stream input)
{
    private readonly byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;

    /// <summary>The next line without its end; null when the input ends before one.</summary>
    public string? Read()
    {
        var line = new ArrayBufferWriter<byte>();
        while (true)
        {
            var waiting = _buffer.AsSpan(_start, _end - _start);
            var length = waiting.IndexOf((byte)'\n');
            if (length >= 0)
            {
                line.Write(waiting[..length]);
                _start += length + 1;
                return ByteText.Decode(line.WrittenSpan);
            }

            line.Write(waiting);
            (_start, _end) = (0, input.Read(_buffer));
            if (_end == 0)
            {
                return null;
            }
        }
    }
}
