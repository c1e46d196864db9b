namespace RaftKv.Simulation.Disks;

/// <summary>
/// The bytes of a file, where pages that were never given anything but zeros take no memory: a preallocated segment
/// costs an empty table.
/// </summary>
internal sealed class SparseBytes
{
    private const int PageBytes = 4096;

    private byte[]?[] _pages = [];

    public void Read(long offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var (page, at) = Locate(offset);
            var count = Math.Min(destination.Length, PageBytes - at);
            if (page < _pages.Length && _pages[page] is { } bytes)
            {
                bytes.AsSpan(at, count).CopyTo(destination);
            }
            else
            {
                destination[..count].Clear();
            }

            destination = destination[count..];
            offset += count;
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> source)
    {
        while (source.Length > 0)
        {
            var (page, at) = Locate(offset);
            var count = Math.Min(source.Length, PageBytes - at);
            source[..count].CopyTo(PageFor(page).AsSpan(at));
            source = source[count..];
            offset += count;
        }
    }

    public void Clear(long offset, long length)
    {
        while (length > 0)
        {
            var (page, at) = Locate(offset);
            if (page >= _pages.Length)
            {
                return;
            }

            var count = (int)Math.Min(length, PageBytes - at);
            if (count == PageBytes)
            {
                _pages[page] = null;
            }
            else
            {
                _pages[page]?.AsSpan(at, count).Clear();
            }

            length -= count;
            offset += count;
        }
    }

    public void FlipBit(long offset, int bit)
    {
        var (page, at) = Locate(offset);
        PageFor(page)[at] ^= (byte)(1 << bit);
    }

    public void CopyFrom(SparseBytes other)
    {
        if (_pages.Length != other._pages.Length)
        {
            Array.Resize(ref _pages, other._pages.Length);
        }

        for (var page = 0; page < _pages.Length; page++)
        {
            if (other._pages[page] is { } bytes)
            {
                bytes.CopyTo((_pages[page] ??= new byte[PageBytes]).AsSpan());
            }
            else
            {
                _pages[page] = null;
            }
        }
    }

    private static (int Page, int At) Locate(long offset) => ((int)(offset / PageBytes), (int)(offset % PageBytes));

    private byte[] PageFor(int page)
    {
        if (page >= _pages.Length)
        {
            Array.Resize(ref _pages, Math.Max(page + 1, _pages.Length * 2));
        }

        return _pages[page] ??= new byte[PageBytes];
    }
}
