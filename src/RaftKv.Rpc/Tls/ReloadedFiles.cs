namespace RaftKv.Rpc.Tls;

/// <summary>
/// What some files say, looked at again whenever it is asked for. If they have changed into something that cannot be used,
/// the last that could be goes on being used, and that is said once.
/// </summary>
/// <remarks>Contents are compared, not times: files are small next to a handshake, clocks are coarse, and what is mounted
/// by links changes without them.</remarks>
internal sealed class ReloadedFiles<T>
    where T : class
{
    private readonly string[] _paths;
    private readonly Func<byte[][], T> _parse;
    private readonly Action<CertificateFileException> _onBroken;
    private readonly Action<T> _onReplaced;
    private readonly Lock _gate = new();
    private byte[][] _contents;
    private T _value;
    private string? _problem;

    /// <param name="flag">What names the files to an operator.</param>
    /// <param name="paths">The files; together they make up the value.</param>
    /// <param name="parse">Makes the value of their contents, or throws.</param>
    /// <param name="onBroken">Told of what cannot be used, once each.</param>
    /// <param name="onReplaced">Told of each value after the first.</param>
    /// <exception cref="CertificateFileException">They cannot be used to begin with.</exception>
    public ReloadedFiles(
        string flag, string[] paths, Func<byte[][], T> parse, Action<CertificateFileException> onBroken, Action<T> onReplaced)
    {
        Flag = flag;
        _paths = paths;
        _parse = parse;
        _onBroken = onBroken;
        _onReplaced = onReplaced;
        _contents = Read();
        _value = parse(_contents);
    }

    public string Flag { get; }

    public string Path => _paths[0];

    public T Current
    {
        get
        {
            lock (_gate)
            {
                try
                {
                    var contents = Read();
                    if (!IsSame(contents))
                    {
                        _value = _parse(contents);
                        _contents = contents;
                        _onReplaced(_value);
                    }

                    _problem = null;
                }
                catch (CertificateFileException broken)
                {
                    if (broken.Message != _problem)
                    {
                        _problem = broken.Message;
                        _onBroken(broken);
                    }
                }

                return _value;
            }
        }
    }

    private byte[][] Read() => [.. _paths.Select(Read)];

    private byte[] Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CertificateFileException($"{Flag}: {path} does not exist.", missing);
        }
        catch (UnauthorizedAccessException refused)
        {
            throw new CertificateFileException($"{Flag}: {path} may not be read, or is a folder.", refused);
        }
        catch (IOException unreadable)
        {
            throw new CertificateFileException($"{Flag}: {path} cannot be read: {unreadable.Message}", unreadable);
        }
    }

    private bool IsSame(byte[][] contents)
        => contents.Zip(_contents).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));
}
