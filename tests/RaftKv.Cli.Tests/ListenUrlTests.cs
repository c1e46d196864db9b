using RaftKv.Cli.Serve;

namespace RaftKv.Cli.Tests;

public sealed class ListenUrlTests
{
    [Theory]
    [InlineData("http://127.0.0.1:2379", "http://127.0.0.1:2379")]
    [InlineData("http://127.0.0.1:2379/", "http://127.0.0.1:2379")]
    [InlineData("http://localhost:0", "http://127.0.0.1:0")]
    [InlineData("http://0.0.0.0:80", "http://0.0.0.0:80")]
    [InlineData("http://[::1]:2379", "http://[::1]:2379")]
    [InlineData("https://127.0.0.1:2379", "https://127.0.0.1:2379")]
    [InlineData("https://localhost:443", "https://127.0.0.1:443")]
    public void An_address_is_a_host_and_a_port(string text, string expected)
    {
        Assert.True(ListenUrl.TryParse(text, out var address, out _));
        Assert.Equal(expected, address.ToString());
    }

    [Theory]
    [InlineData("127.0.0.1:2379")]
    [InlineData("ftp://127.0.0.1:2379")]
    [InlineData("http://127.0.0.1")]
    [InlineData("https://127.0.0.1")]
    [InlineData("http://127.0.0.1:2379/path")]
    [InlineData("http://user@127.0.0.1:2379")]
    [InlineData("http://example.com:2379")]
    [InlineData("http://127.0.0.1:99999")]
    [InlineData("")]
    public void Anything_else_is_refused_by_name(string text)
    {
        Assert.False(ListenUrl.TryParse(text, out _, out var problem));
        Assert.Contains($"'{text}'", problem, StringComparison.Ordinal);
    }
}
