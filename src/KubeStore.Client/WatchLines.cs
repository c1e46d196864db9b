namespace KubeStore;

/// <summary>A stream of JSON objects, one a line.</summary>
internal sealed class WatchLines(Stream stream) : IDisposable
{
    private byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    /// <summary>The next line, good until the one after it is asked for; null at the end. What is cut off is no line.</summary>
    public async ValueTask<ReadOnlyMemory<byte>?> NextAsync(CancellationToken cancellation)
    {
        var searched = _start;
        while (true)
        {
            var newline = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                var line = _buffer.AsMemory(_start, searched + newline - _start);
                _start = searched + newline + 1;
                if (!line.Span.Trim("\r \t"u8).IsEmpty)
                {
                    return line;
                }

                searched = _start;
                continue;
            }

            searched = MakeRoom(_end);
            int read;
            try
            {
                read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellation).ConfigureAwait(false);
            }
            catch (Exception broken) when (HttpKubeClient.IsBroken(broken, cancellation))
            {
                throw HttpKubeClient.Unreachable(broken);
            }

            if (read == 0)
            {
                return null;
            }

            _end += read;
        }
    }

    public void Dispose() => stream.Dispose();

    private int MakeRoom(int place)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            place -= _start;
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        return place;
    }
}
