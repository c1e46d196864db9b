namespace RaftKv.Storage.State;

/// <summary>
/// The order of texts by their UTF-8 bytes, which is how names are listed. Ordinal comparison differs from it beyond the
/// basic plane: surrogates are smaller than U+E000, what they stand for is greater.
/// </summary>
internal sealed class ByteOrder : IComparer<string>
{
    public static readonly ByteOrder Instance = new();

    private ByteOrder()
    {
    }

    public int Compare(string? x, string? y)
    {
        var left = x.AsSpan();
        var right = y.AsSpan();
        var same = left.CommonPrefixLength(right);
        return same == left.Length || same == right.Length
            ? left.Length.CompareTo(right.Length)
            : Weight(left[same]).CompareTo(Weight(right[same]));
    }

    private static int Weight(char unit) => char.IsSurrogate(unit) ? unit + 0x10000 : unit;
}
