using RaftKv.Raft;

namespace RaftKv.Storage.Mvcc;

/// <summary>The revisions of one key as bytes, the newest first.</summary>
/// <remarks>
/// <code>
///   +------+-----+-------+------------------+------+-----+-------+------------------+--
///   | main | tag | bytes | version, lifetime| back | tag | bytes | version, lifetime|  …    all packed numbers
///   +------+-----+-------+------------------+------+-----+-------+------------------+--
///
///   main      of the newest one as it is
///   back      how far the main revision lies before that of the item to the left
///   bytes     of key and value
///   tag       sub revision * 8 + 4 if it has a lease + kind:
///               0  put, the one before the put to the left: one version less, created with it. Nothing follows
///               1  put; version and lifetime (main minus the main revision of its creation) follow
///               2  tombstone. Nothing follows
/// </code>
/// <para>A put of a key that is overwritten over and over takes three to seven bytes. Kind 0 is a saving, not a rule: a
/// history with gaps, as a scan of a half-reclaimed record store may find it, can be written too.</para>
/// </remarks>
internal static class HistoryFormat
{
    public const int MaxItemBytes = 5 * PackedNumber.MaxBytes;

    internal const ulong Earlier = 0;
    internal const ulong Put = 1;
    internal const ulong Tombstone = 2;
    internal const ulong KindMask = 3;
    internal const ulong Leased = 4;

    /// <summary>Writes the newest item of a history.</summary>
    public static int WriteNewest(Span<byte> to, in KeyRevision item)
        => Write(to, item.Modified.Main, item, followsFromNewer: false);

    /// <summary>Writes an item after the one that is newer.</summary>
    public static int WriteOlder(Span<byte> to, in KeyRevision item, in KeyRevision newer)
    {
        Invariant.Holds(item.Modified.CompareTo(newer.Modified) < 0);
        var followsFromNewer = item.IsLive && newer.IsLive
            && newer.Version == item.Version + 1 && newer.Created == item.Created;
        return Write(to, newer.Modified.Main - item.Modified.Main, item, followsFromNewer);
    }

    /// <summary>A history with one more item, newer than all.</summary>
    public static int Prepend(Span<byte> to, in KeyRevision item, ReadOnlySpan<byte> history)
    {
        var length = WriteNewest(to, item);
        var older = new HistoryReader(history);
        if (older.MoveNext())
        {
            length += WriteOlder(to[length..], older.Current, item);
            older.Rest.CopyTo(to[length..]);
            length += older.Rest.Length;
        }

        return length;
    }

    /// <param name="to">Has room for <see cref="MaxItemBytes"/> an item.</param>
    /// <param name="newestFirst">The items.</param>
    public static int WriteAll(Span<byte> to, ReadOnlySpan<KeyRevision> newestFirst)
    {
        var length = 0;
        for (var i = 0; i < newestFirst.Length; i++)
        {
            length += i == 0
                ? WriteNewest(to, newestFirst[0])
                : WriteOlder(to[length..], newestFirst[i], newestFirst[i - 1]);
        }

        return length;
    }

    private static int Write(Span<byte> to, long main, in KeyRevision item, bool followsFromNewer)
    {
        var kind = !item.IsLive ? Tombstone : followsFromNewer ? Earlier : Put;
        var length = PackedNumber.Write(to, (ulong)main);
        length += PackedNumber.Write(to[length..], ((ulong)item.Modified.Sub << 3) | (item.IsLeased ? Leased : 0) | kind);
        length += PackedNumber.Write(to[length..], (uint)item.Bytes);
        if (kind == Put)
        {
            length += PackedNumber.Write(to[length..], (ulong)item.Version);
            length += PackedNumber.Write(to[length..], (ulong)(item.Modified.Main - item.Created));
        }

        return length;
    }
}

/// <summary>Walks a history from the newest item to the oldest.</summary>
internal ref struct HistoryReader(ReadOnlySpan<byte> history)
{
    private readonly ReadOnlySpan<byte> _history = history;
    private int _at;
    private KeyRevision _current;

    public readonly KeyRevision Current => _current;

    /// <summary>The bytes of the items that are older than <see cref="Current"/>.</summary>
    public readonly ReadOnlySpan<byte> Rest => _history[_at..];

    public bool MoveNext()
    {
        if (_at == _history.Length)
        {
            return false;
        }

        var isNewest = _at == 0;
        var number = (long)PackedNumber.Read(_history, ref _at);
        var tag = PackedNumber.Read(_history, ref _at);
        var isLeased = (tag & HistoryFormat.Leased) != 0;
        var bytes = (int)PackedNumber.Read(_history, ref _at);
        var modified = new Revision(isNewest ? number : _current.Modified.Main - number, (long)(tag >> 3));
        switch (tag & HistoryFormat.KindMask)
        {
            case HistoryFormat.Earlier:
                _current = new KeyRevision(modified, _current.Created, _current.Version - 1, bytes, isLeased);
                break;
            case HistoryFormat.Put:
                var version = (long)PackedNumber.Read(_history, ref _at);
                var created = modified.Main - (long)PackedNumber.Read(_history, ref _at);
                _current = new KeyRevision(modified, created, version, bytes, isLeased);
                break;
            default:
                _current = KeyRevision.Tombstone(modified, bytes);
                break;
        }

        return true;
    }
}
