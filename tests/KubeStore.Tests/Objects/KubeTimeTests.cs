using KubeStore.Objects;

namespace KubeStore.Tests.Objects;

public sealed class KubeTimeTests
{
    [Theory]
    [InlineData(0, "0s")]
    [InlineData(119, "119s")]
    [InlineData(130, "2m10s")]
    [InlineData(600, "10m")]
    [InlineData(3 * 3600, "3h")]
    [InlineData((3 * 3600) + 61, "3h1m")]
    [InlineData(47 * 3600, "47h")]
    [InlineData((49 * 3600) + 1, "2d1h")]
    [InlineData(9 * 86400, "9d")]
    [InlineData(3 * 365 * 86400, "3y")]
    public void Ages_are_said_the_way_tables_say_them(long seconds, string said)
        => Assert.Equal(said, KubeTime.Age(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void Times_are_written_in_seconds_or_with_six_digits_and_read_again()
    {
        var time = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero).AddMicroseconds(7);

        Assert.Equal("2026-01-02T03:04:05Z", KubeTime.Seconds(time));
        Assert.Equal("2026-01-02T03:04:05.000007Z", KubeTime.Micro(time));
        Assert.True(KubeTime.TryParse("2026-01-02T03:04:05.000007Z", out var read));
        Assert.Equal(time, read);
        Assert.False(KubeTime.TryParse("yesterday", out _));
    }
}
