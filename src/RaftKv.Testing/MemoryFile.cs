using RaftKv.Storage.Files;

namespace RaftKv.Testing;

/// <summary>The bytes behind a name. What was never written takes no room, so that preallocated logs are cheap.</summary>
internal sealed class MemoryFileBytes
{
    private const int PageBytes = 16 * 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<long, byte[]> _pages = [];
    private long _length;

    public long Length
    {
        get
        {
            lock (_gate)
            {
                return _length;
            }
        }
    }

    public int Read(long offset, Span<byte> destination)
    {
        lock (_gate)
        {
            var count = (int)Math.Clamp(_length - offset, 0, destination.Length);
            for (var done = 0; done < count;)
            {
                var (page, at) = Math.DivRem(offset + done, PageBytes);
                var part = destination.Slice(done, (int)Math.Min(count - done, PageBytes - at));
                if (_pages.TryGetValue(page, out var bytes))
                {
                    bytes.AsSpan((int)at, part.Length).CopyTo(part);
                }
                else
                {
                    part.Clear();
                }

                done += part.Length;
            }

            return count;
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> source)
    {
        lock (_gate)
        {
            _length = Math.Max(_length, offset + source.Length);
            while (!source.IsEmpty)
            {
                var (page, at) = Math.DivRem(offset, PageBytes);
                var part = source[..(int)Math.Min(source.Length, PageBytes - at)];
                if (!_pages.TryGetValue(page, out var bytes))
                {
                    _pages[page] = bytes = new byte[PageBytes];
                }

                part.CopyTo(bytes.AsSpan((int)at));
                source = source[part.Length..];
                offset += part.Length;
            }
        }
    }

    /// <summary>Cuts, or extends with zeros.</summary>
    public void SetLength(long length, bool mayCut)
    {
        lock (_gate)
        {
            if (length >= _length || !mayCut)
            {
                _length = Math.Max(_length, length);
                return;
            }

            _length = length;
            var (last, at) = Math.DivRem(length, PageBytes);
            foreach (var page in _pages.Keys.Where(page => page > last).ToArray())
            {
                _pages.Remove(page);
            }

            if (_pages.TryGetValue(last, out var bytes))
            {
                bytes.AsSpan((int)at).Clear();
            }
        }
    }
}

/// <summary>One opening of a file in memory.</summary>
internal sealed class MemoryFile(string path, MemoryFileBytes bytes, bool isReadOnly) : IFile
{
    private const int BadFile = 9;

    public string Path => path;

    public long Length => bytes.Length;

    public int ReadAt(long offset, Span<byte> destination) => bytes.Read(offset, destination);

    public void WriteAt(long offset, ReadOnlySpan<byte> source)
    {
        RefuseReader("write");
        bytes.Write(offset, source);
    }

    public void Truncate(long length)
    {
        RefuseReader("truncate");
        bytes.SetLength(length, mayCut: true);
    }

    public void Preallocate(long length)
    {
        RefuseReader("preallocate");
        bytes.SetLength(length, mayCut: false);
    }

    public void Sync()
    {
        // It is as durable as it will ever be.
    }

    public void Dispose()
    {
        // The bytes are the disk's.
    }

    private void RefuseReader(string operation)
    {
        if (isReadOnly)
        {
            throw new FileOperationException(operation, path, BadFile, "it was opened to be read");
        }
    }
}
