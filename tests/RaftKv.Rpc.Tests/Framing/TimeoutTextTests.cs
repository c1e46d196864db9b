using RaftKv.Rpc.Framing;

namespace RaftKv.Rpc.Tests.Framing;

public sealed class TimeoutTextTests
{
    [Theory]
    [InlineData("1H", 36_000_000_000)]
    [InlineData("2M", 1_200_000_000)]
    [InlineData("3S", 30_000_000)]
    [InlineData("100m", 1_000_000)]
    [InlineData("7u", 70)]
    [InlineData("100n", 1)]
    [InlineData("1n", 1)] // Below a tick: rounded up, never to zero.
    [InlineData("0S", 0)]
    [InlineData("00000001S", 10_000_000)]
    public void A_timeout_is_digits_and_a_unit(string text, long ticks)
    {
        Assert.True(TimeoutText.TryParse(text, out var timeout));
        Assert.Equal(ticks, timeout.Ticks);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("5")]
    [InlineData("5s")]
    [InlineData("-1S")]
    [InlineData("1.5S")]
    [InlineData("123456789S")] // Nine digits.
    [InlineData(" 1S")]
    [InlineData("1 S")]
    [InlineData("x")]
    public void Anything_else_is_refused(string text) => Assert.False(TimeoutText.TryParse(text, out _));

    [Fact]
    public void The_longest_timeout_does_not_overflow()
    {
        Assert.True(TimeoutText.TryParse("99999999H", out var timeout));
        Assert.True(timeout > TimeSpan.FromDays(365 * 1000));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(9_999)]
    [InlineData(10_000_000)]
    [InlineData(999_999_990)]
    [InlineData(999_999_999_999)]
    [InlineData(99_999_999 * TimeSpan.TicksPerHour)]
    public void What_is_written_is_never_shorter_and_hardly_longer(long ticks)
    {
        var timeout = new TimeSpan(ticks);

        Assert.True(TimeoutText.TryParse(TimeoutText.Format(timeout), out var read));

        Assert.True(read >= timeout);
        Assert.True((read - timeout).Ticks <= (timeout.Ticks / 1_000_000) + TimeSpan.TicksPerMicrosecond);
    }

    [Fact]
    public void A_timeout_that_cannot_be_said_becomes_the_longest_that_can()
        => Assert.Equal("99999999H", TimeoutText.Format(TimeSpan.MaxValue));

    [Fact]
    public void A_timeout_that_is_over_is_still_well_formed()
    {
        Assert.True(TimeoutText.TryParse(TimeoutText.Format(TimeSpan.FromSeconds(-3)), out var read));
        Assert.True(read <= TimeSpan.FromMicroseconds(1));
    }
}
