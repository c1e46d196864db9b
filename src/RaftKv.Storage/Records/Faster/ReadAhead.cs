namespace RaftKv.Storage.Records.Faster;

/// <summary>
/// The blocks around where one thread reads a log from front to back: fetched and checked together, once, instead of for
/// every record that lies in them. A record is read with a call of FASTER's as before; only its bytes are here already.
/// </summary>
/// <remarks>A block that was written is never written again, so what was fetched stays true for as long as the device lives.</remarks>
internal sealed class ReadAhead
{
    // Reads in a row, each right behind the one before, after which the next is believed to follow, too.
    private const int Believed = 4;

    private byte[] _blocks = [];
    private long _device;
    private long _start;
    private int _length;
    private long _lastEnd;
    private int _inRow;

    /// <summary>Hands out blocks that are here.</summary>
    /// <param name="device">A number of the device that no other has.</param>
    /// <param name="address">Of the first.</param>
    /// <param name="destination">As many as are wanted.</param>
    public bool TryCopy(long device, long address, Span<byte> destination)
    {
        var at = address - _start;
        if (device != _device || at < 0 || at + destination.Length > _length)
        {
            return false;
        }

        _blocks.AsSpan((int)at, destination.Length).CopyTo(destination);
        _lastEnd = address + destination.Length;
        return true;
    }

    /// <summary>Remembers a read, and says whether it is one of many in a row, so that fetching more is worth it.</summary>
    public bool IsInRow(long device, long address, int length)
    {
        // A record may begin in the block that the one before it has ended in.
        var follows = device == _device && address >= _lastEnd - (2 * RecordBlocks.BlockBytes) && address <= _lastEnd;
        _inRow = follows ? _inRow + 1 : 0;
        if (device != _device)
        {
            _device = device;
            _length = 0;
        }

        _lastEnd = address + length;
        return _inRow >= Believed;
    }

    /// <summary>Where blocks from an address on may be put; they are here when <see cref="Filled"/> says how many.</summary>
    public Span<byte> Fill(long address)
    {
        if (_blocks.Length == 0)
        {
            // Most threads never read in a row.
            _blocks = new byte[RecordDevice.ChunkBytes];
        }

        _start = address;
        _length = 0;
        return _blocks;
    }

    public void Filled(int bytes) => _length = bytes;
}
