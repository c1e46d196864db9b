using System.Text;

namespace RaftKv.Cli.Serve.Logging;

/// <summary>Where lines go: the streams of the process, and files. Any thread may write; each line is written whole.</summary>
internal sealed class LogOutput : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Stream> _streams = [];
    private readonly List<RotatingFile> _rotating = [];

    /// <summary>Opens what <c>--log-outputs</c> names: <c>default</c>, <c>stderr</c>, <c>stdout</c>, or paths of files, which are
    /// added to.</summary>
    /// <param name="names">What it names.</param>
    /// <param name="rotation">When files are begun anew; never if null.</param>
    /// <param name="time">By which old files are named; the system's if null.</param>
    /// <exception cref="FlagException">One of them cannot be opened.</exception>
    public static LogOutput Open(IEnumerable<string> names, LogRotation? rotation = null, TimeProvider? time = null)
    {
        var output = new LogOutput();
        try
        {
            foreach (var name in names.Distinct(StringComparer.Ordinal))
            {
                output.Add(name, rotation, time ?? TimeProvider.System);
            }
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            output.Dispose();
            throw new FlagException($"--log-outputs: {problem.Message}");
        }

        return output;
    }

    /// <summary>Whether a name is a file's.</summary>
    public static bool IsFile(string name) => name is not ("default" or "stderr" or "stdout" or "systemd/journal");

    public static FileStream OpenFile(string path)
        => new(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

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

            foreach (var file in _rotating)
            {
                try
                {
                    file.Write(line);
                }
                catch (IOException)
                {
                    // As above.
                }
            }
        }
    }

    public void Write(string line) => Write(Encoding.UTF8.GetBytes(line));

    public void Dispose()
    {
        _streams.ForEach(stream => stream.Dispose());
        _rotating.ForEach(file => file.Dispose());
    }

    private void Add(string name, LogRotation? rotation, TimeProvider time)
    {
        switch (name)
        {
            case "default" or "stderr":
                _streams.Add(Console.OpenStandardError());
                break;
            case "stdout":
                _streams.Add(Console.OpenStandardOutput());
                break;
            case "systemd/journal":
                throw new FlagException("--log-outputs names systemd/journal, which is not there: write to stderr, which a unit's journal takes in.");
            default:
                if (rotation is null)
                {
                    _streams.Add(OpenFile(name));
                }
                else
                {
                    _rotating.Add(new RotatingFile(name, rotation, time));
                }

                break;
        }
    }
}
