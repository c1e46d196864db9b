using RaftKv.Cli.Serve;
using RaftKv.Server;

namespace RaftKv.Cli.Tests.Serve;

public sealed class RetentionTests
{
    [Theory]
    [InlineData("1", 60)]
    [InlineData("72", 72 * 60)]
    [InlineData("30m", 30)]
    [InlineData("1h30m", 90)]
    public void By_age_it_is_hours_or_a_duration(string text, int minutes)
        => Assert.Equal(AutoCompaction.After(TimeSpan.FromMinutes(minutes)), Retention.Read("periodic", text));

    [Fact]
    public void By_revision_it_is_their_number() => Assert.Equal(AutoCompaction.Behind(1000), Retention.Read("revision", "1000"));

    [Theory]
    [InlineData("periodic", "0")]
    [InlineData("periodic", "0s")]
    [InlineData("revision", "0")]
    public void Nothing_is_off(string mode, string text) => Assert.Equal(AutoCompaction.Off, Retention.Read(mode, text));

    [Theory]
    [InlineData("periodic", "soon")]
    [InlineData("periodic", "-1h")]
    [InlineData("periodic", "10ms")]
    [InlineData("periodic", "99999999999999999999")]
    [InlineData("revision", "1h")]
    [InlineData("revision", "-5")]
    [InlineData("hourly", "1")]
    public void Anything_else_is_refused_by_the_flags_name(string mode, string text)
        => Assert.Contains("--auto-compaction-", Assert.Throws<FlagException>(() => Retention.Read(mode, text)).Message, StringComparison.Ordinal);
}
