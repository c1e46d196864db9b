using System.Globalization;
using System.IO.Compression;

namespace RaftKv.Cli.Serve.Logging;

/// <summary>
/// A file of the log that is given another name when it has grown large, and begun anew: <c>raftkv.log</c> becomes
/// <c>raftkv-2026-01-02T15-04-05.678.log</c>. Old ones are compressed and deleted beside, as far as the rotation wants it. One
/// thread at a time writes.
/// </summary>
internal sealed class RotatingFile : IDisposable
{
    private const string TimeFormat = "yyyy-MM-ddTHH-mm-ss.fff";
    private const string Packed = ".gz";

    private readonly string _path;
    private readonly LogRotation _rotation;
    private readonly TimeProvider _time;
    private FileStream _file;
    private long _length;
    private Task _tidying;

    /// <exception cref="IOException">It cannot be opened.</exception>
    public RotatingFile(string path, LogRotation rotation, TimeProvider time)
    {
        _path = Path.GetFullPath(path);
        _rotation = rotation;
        _time = time;
        _file = LogOutput.OpenFile(_path);
        _length = _file.Length;
        _tidying = Task.Run(Tidy);
    }

    /// <exception cref="IOException">The disk is full, for instance.</exception>
    public void Write(ReadOnlySpan<byte> line)
    {
        if (_length > 0 && _length + line.Length > _rotation.MaxBytes)
        {
            Rotate();
        }

        _file.Write(line);
        _length += line.Length;
    }

    public void Dispose()
    {
        _file.Dispose();
#pragma warning disable VSTHRD002 // It runs on the pool, and waits for nobody.
        _tidying.Wait();
#pragma warning restore VSTHRD002
    }

    private void Rotate()
    {
        try
        {
            File.Move(_path, FreeName());
        }
        catch (Exception stays) when (stays is IOException or UnauthorizedAccessException)
        {
            // Better one file that is too large than lines that are lost.
            return;
        }

        var next = LogOutput.OpenFile(_path);
        _file.Dispose();
        (_file, _length) = (next, next.Length);
        _tidying = _tidying.ContinueWith(_ => Tidy(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    private string FreeName()
    {
        for (var at = _rotation.HasLocalTime ? _time.GetLocalNow() : _time.GetUtcNow(); ; at += TimeSpan.FromMilliseconds(1))
        {
            var name = NameOf(at.DateTime);
            if (!File.Exists(name) && !File.Exists(name + Packed))
            {
                return name;
            }
        }
    }

    private string NameOf(DateTime at)
        => Path.Join(
            Path.GetDirectoryName(_path),
            $"{Path.GetFileNameWithoutExtension(_path)}-{at.ToString(TimeFormat, CultureInfo.InvariantCulture)}{Path.GetExtension(_path)}");

    private void Tidy()
    {
        try
        {
            var old = Old().OrderByDescending(one => one.At).ToList();
            var now = (_rotation.HasLocalTime ? _time.GetLocalNow() : _time.GetUtcNow()).DateTime;
            for (var i = 0; i < old.Count; i++)
            {
                var isTooMany = _rotation.MaxBackups > 0 && i >= _rotation.MaxBackups;
                var isTooOld = _rotation.MaxDays > 0 && now - old[i].At > TimeSpan.FromDays(_rotation.MaxDays);
                if (isTooMany || isTooOld)
                {
                    File.Delete(old[i].Path);
                }
                else if (_rotation.Compresses && !old[i].Path.EndsWith(Packed, StringComparison.Ordinal))
                {
                    Pack(old[i].Path);
                }
            }
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            // Nobody is told where the log itself is in trouble; the next rotation tries again.
        }
    }

    private IEnumerable<(string Path, DateTime At)> Old()
    {
        var before = Path.GetFileNameWithoutExtension(_path) + "-";
        var after = Path.GetExtension(_path);
        foreach (var path in Directory.EnumerateFiles(Path.GetDirectoryName(_path)!))
        {
            var name = Path.GetFileName(path);
            name = name.EndsWith(Packed, StringComparison.Ordinal) ? name[..^Packed.Length] : name;
            if (name.StartsWith(before, StringComparison.Ordinal)
                && name.EndsWith(after, StringComparison.Ordinal)
                && name.Length == before.Length + TimeFormat.Length + after.Length
                && DateTime.TryParseExact(
                    name.AsSpan(before.Length, TimeFormat.Length), TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out var at))
            {
                yield return (path, at);
            }
        }
    }

    // Beside, and then in its place: a compressed one that is there is whole.
    private static void Pack(string path)
    {
        var unfinished = path + Packed + ".part";
        using (var from = File.OpenRead(path))
        using (var to = new GZipStream(File.Create(unfinished), CompressionLevel.Optimal))
        {
            from.CopyTo(to);
        }

        File.Move(unfinished, path + Packed, overwrite: true);
        File.Delete(path);
    }
}
