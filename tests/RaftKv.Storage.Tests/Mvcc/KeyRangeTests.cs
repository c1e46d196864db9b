using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Tests.Mvcc;

public sealed class KeyRangeTests
{
    [Theory]
    [InlineData("61", "", "61", "60 6100 62")]
    [InlineData("61", "63", "61 6100 62 62ff", "60 63 6300")]
    [InlineData("61", "61", "", "60 61 6100")]
    [InlineData("62", "61", "", "61 6101 62")]
    [InlineData("61", "00", "61 6100 ff", "00 60")]
    [InlineData("00", "00", "00 0000 61 ff", "")]
    [InlineData("00", "0000", "00", "0000 01")]
    public void Selects_what_a_request_means(string key, string end, string inside, string outside)
        => Check(KeyRange.Of(Convert.FromHexString(key), Convert.FromHexString(end)), inside, outside);

    [Theory]
    [InlineData("61", "61 6100 61ff", "60 60ff 62")]
    [InlineData("61ff", "61ff 61ff00", "61 61fe 62")]
    [InlineData("ff", "ff ff00 ffff", "fe feff")]
    [InlineData("ffff", "ffff ffff00", "ff fffe")]
    public void A_prefix_selects_what_begins_with_it(string prefix, string inside, string outside)
        => Check(KeyRange.Prefix(Convert.FromHexString(prefix)), inside, outside);

    [Fact]
    public void Ranges_are_equal_by_content()
    {
        Assert.Equal(KeyRange.Prefix("a"u8.ToArray()), KeyRange.Of("a"u8.ToArray(), "b"u8.ToArray()));
        Assert.NotEqual(KeyRange.Exactly("a"u8.ToArray()), KeyRange.From("a"u8.ToArray()));
    }

    private static void Check(KeyRange range, string inside, string outside)
    {
        Assert.All(Keys(inside), key => Assert.True(range.Contains(key)));
        Assert.All(Keys(outside), key => Assert.False(range.Contains(key)));
        Assert.Equal(inside.Length == 0, range.IsEmpty);
    }

    private static IEnumerable<byte[]> Keys(string hex)
        => hex.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Convert.FromHexString);
}
