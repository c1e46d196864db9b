using System.Text;
using RaftKv.Raft;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Tests.State;

public sealed class KeyIntervalsTests
{
    // "k" one key, "a-c" a range, "c-" open to the end.
    [Theory]
    [InlineData("a-c c-e", "a-e", true)]
    [InlineData("a-c d-e", "a-e", false)]
    [InlineData("c-e a-d", "b-e", true)]
    [InlineData("a-z b-c", "a-z", true)]
    [InlineData("k", "k", true)]
    [InlineData("k", "k-k\0", true)]
    [InlineData("k", "k-l", false)]
    [InlineData("k k\0-l", "k-l", true)]
    [InlineData("a-k k", "a-k\0", true)]
    [InlineData("a-k", "k", false)]
    [InlineData("a-", "b-", true)]
    [InlineData("a-", "b-c", true)]
    [InlineData("a-", "a-", true)]
    [InlineData("b-", "a-", false)]
    [InlineData("a-c", "a-", false)]
    [InlineData("a-c c-", "a-", true)]
    [InlineData("\0-", "-", true)]
    [InlineData("\0-", "\0-", true)]
    [InlineData("\0-c", "-c", true)]
    [InlineData("a-", "-", false)]
    [InlineData("", "a", false)]
    [InlineData("c-a", "b", false)]
    [InlineData("a-c", "b-a", true)]
    [InlineData("a-c", "d-a", false)]
    public void A_request_is_covered_by_the_union(string granted, string asked, bool covered)
        => Assert.Equal(covered, KeyIntervals.UnionOf(granted.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(RangeOf)).Cover(RangeOf(asked)));

    [Fact]
    public void Covers_what_the_ranges_cover_key_by_key()
    {
        var chance = new Chance(11);
        var covered = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var granted = new KeyRange[chance.Below(7)];
            foreach (ref var range in granted.AsSpan())
            {
                range = NewRange(chance);
            }

            var union = KeyIntervals.UnionOf(granted);
            for (var request = 0; request < 5; request++)
            {
                var asked = NewRange(chance);
                var expected = Covers(granted, asked);
                Assert.True(expected == union.Cover(asked), $"round {round}: {string.Join(' ', granted)} asked for {asked}");
                if (asked.IsSingle)
                {
                    Assert.Equal(expected, union.Cover(asked.Start.Span));
                }

                covered += expected ? 1 : 0;
            }
        }

        Assert.InRange(covered, 10_000, 90_000);
    }

    // If some key of a range is not covered, then the first of its kind is: the key that the request begins with, or the
    // first one behind a granted range.
    private static bool Covers(KeyRange[] granted, KeyRange asked)
    {
        var candidates = granted
            .Where(range => !range.IsOpen)
            .Select(range => range.IsSingle ? [.. range.Start.Span, 0] : range.End.ToArray())
            .Where(key => asked.Contains(key))
            .Append(asked.Start.ToArray());
        return candidates.All(key => granted.Any(range => range.Contains(key)));
    }

    private static KeyRange NewRange(Chance chance)
        => chance.Below(4) switch
        {
            0 => KeyRange.Exactly(NewKey(chance)),
            1 => KeyRange.From(NewKey(chance)),
            _ => KeyRange.Of(NewKey(chance), NewKey(chance)),
        };

    private static byte[] NewKey(Chance chance)
    {
        var key = new byte[chance.Between(1, 2)];
        foreach (ref var unit in key.AsSpan())
        {
            unit = chance.Pick<byte>([0, 1, 2, 0xff]);
        }

        return key;
    }

    private static KeyRange RangeOf(string text)
        => text.Split('-') is not [var start, var end] ? KeyRange.Exactly(Encoding.UTF8.GetBytes(text))
            : end.Length == 0 ? KeyRange.From(Encoding.UTF8.GetBytes(start))
            : KeyRange.Of(Encoding.UTF8.GetBytes(start), Encoding.UTF8.GetBytes(end));
}
