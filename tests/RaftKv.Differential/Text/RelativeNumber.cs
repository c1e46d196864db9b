using System.Globalization;

namespace RaftKv.Differential.Text;

/// <summary>
/// Numbers that mean something else in every run: revisions, counted from the one a sequence began at (in text @3, @-1),
/// and leases whose ids the store chose, counted in the order of their making (in text $0). Both live in ranges of int64
/// that no real number of a run comes near.
/// </summary>
public static class RelativeNumber
{
    private const long RevisionOrigin = 1L << 50;
    private const long LeaseOrigin = (1L << 50) + (1L << 40);
    private const long Reach = 1L << 30;

    public static long Revision(long offset) => RevisionOrigin + offset;

    public static long Lease(int ordinal) => LeaseOrigin + ordinal;

    public static bool IsRevision(long number) => Math.Abs(number - RevisionOrigin) < Reach;

    public static bool IsLease(long number) => Math.Abs(number - LeaseOrigin) < Reach;

    public static long RevisionOffset(long number) => number - RevisionOrigin;

    public static int LeaseOrdinal(long number) => (int)(number - LeaseOrigin);

    public static string ToText(long number)
        => IsRevision(number) ? string.Create(CultureInfo.InvariantCulture, $"@{number - RevisionOrigin}")
            : IsLease(number) ? string.Create(CultureInfo.InvariantCulture, $"${number - LeaseOrigin}")
            : number.ToString(CultureInfo.InvariantCulture);

    public static long Parse(string text) => text[0] switch
    {
        '@' => Revision(long.Parse(text.AsSpan(1), CultureInfo.InvariantCulture)),
        '$' => Lease(int.Parse(text.AsSpan(1), CultureInfo.InvariantCulture)),
        _ => long.Parse(text, CultureInfo.InvariantCulture),
    };
}
