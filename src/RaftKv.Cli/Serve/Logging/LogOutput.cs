using System.Text;

namespace RaftKv.Cli.Serve.Logging;

/// <summary>Where lines go: the streams of the process, and files. Any thread may write; each line is written whole.</summary>
internal sealed class LogOutput : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Stream[] _streams;

    private LogOutput(Stream[] streams) => _streams = streams;

    /// <summary>Opens what <c>--log-outputs</c> names: <c>default</c>, <c>stderr</c>, <c>stdout</c>, or paths of files, which are
    /// added to.</summary>
    /// <exception cref="FlagException">One of them cannot be opened.</exception>
    public static LogOutput Open(IEnumerable<string> names)
    {
        var streams = new List<Stream>();
        try
        {
            foreach (var name in names.Distinct(StringComparer.Ordinal))
            {
                streams.Add(name switch
                {
                    "default" or "stderr" => Console.OpenStandardError(),
                    "stdout" => Console.OpenStandardOutput(),
                    "systemd/journal" => throw new FlagException(
                        "--log-outputs names systemd/journal, which is not there: write to stderr, which a unit's journal takes in."),
                    _ => new FileStream(name, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0),
                });
            }
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            streams.ForEach(stream => stream.Dispose());
            throw new FlagException($"--log-outputs: {problem.Message}");
        }

        return new LogOutput([.. streams]);
    }

    public void Write(ReadOnlySpan<byte> line)
    {
        lock (_gate)
        {
            foreach (var stream in _streams)
            {
                try
                {
                    stream.Write(line);
                }
                catch (IOException)
                {
                    // A full disk, or nobody at the other end: no reason for a member to stop.
                }
            }
        }
    }

    public void Write(string line) => Write(Encoding.UTF8.GetBytes(line));

    public void Dispose()
    {
        foreach (var stream in _streams)
        {
            stream.Dispose();
        }
    }
}
