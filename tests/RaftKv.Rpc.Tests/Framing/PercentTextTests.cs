using RaftKv.Rpc.Framing;

namespace RaftKv.Rpc.Tests.Framing;

public sealed class PercentTextTests
{
    [Theory]
    [InlineData("etcdserver: key is not provided", "etcdserver: key is not provided")]
    [InlineData("100%", "100%25")]
    [InlineData("zwei Zeilen\nund ein Ümlaut", "zwei Zeilen%0Aund ein %C3%9Cmlaut")]
    [InlineData("\U0001F980", "%F0%9F%A6%80")]
    [InlineData("", "")]
    public void Text_travels_as_printable_ASCII_and_comes_back(string text, string wire)
    {
        Assert.Equal(wire, PercentText.Encode(text));
        Assert.Equal(text, PercentText.Decode(wire));
    }

    [Theory]
    [InlineData("50%", "50%")]
    [InlineData("%zz", "%zz")]
    [InlineData("%4", "%4")]
    [InlineData("%41", "A")]
    public void A_broken_escape_is_kept_as_it_stands(string wire, string text) => Assert.Equal(text, PercentText.Decode(wire));

    [Fact]
    public void Bytes_that_are_no_UTF8_do_not_fail() => Assert.Equal("\uFFFD(", PercentText.Decode("%C3%28"));
}
