using RaftKv.Cli.Commands;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Tests.Commands.Text;

public sealed class ByteTextTests
{
    [Fact]
    public void Any_bytes_come_back_from_their_text()
    {
        byte[] all = [.. Enumerable.Range(0, 256).Select(value => (byte)value), .. "€😀"u8, 0xe2, 0x82, 0xf0, 0x9f, 0x98];
        Assert.Equal(all, ByteText.Bytes(ByteText.Decode(all)));
    }

    [Fact]
    public void Utf8_is_text_as_it_is() => Assert.Equal("ключ 😀", ByteText.Decode("ключ 😀"u8));

    [Fact]
    public void The_encoding_of_a_surrogate_is_bytes_and_no_text()
    {
        byte[] surrogate = [0xed, 0xb0, 0x80];
        Assert.Equal(surrogate, ByteText.Bytes(ByteText.Decode(surrogate)));
    }

    [Fact]
    public void The_last_arguments_of_a_process_are_found_in_its_command_line()
    {
        byte[] commandLine = [.. "dotnet\0raftkv.dll\0put\0"u8, 0xff, 0, 0];
        string[] arguments = ["put", "\udcff", ""];
        Assert.Equal(arguments, ProgramArguments.Last(commandLine, 3));
        Assert.Null(ProgramArguments.Last(commandLine, 6));
    }

    [Theory]
    [InlineData("get a", "get", "a")]
    [InlineData("  get\t a  ", "get", "a")]
    [InlineData("put \"x y\" 'q \"r\"'", "put", "x y", "q \"r\"")]
    [InlineData("put \"\\x00\" ''", "put", "\0", "")]
    [InlineData("a;b c\"d", "a;b", "c\"d")]
    [InlineData("")]
    public void A_line_is_split_into_words(string line, params string[] words) => Assert.Equal(words, CommandWords.Split(line));

    [Theory]
    [InlineData("put \"a")]
    [InlineData("put 'a")]
    [InlineData("put \"\\q\"")]
    public void A_quote_without_an_end_is_refused(string line)
        => Assert.Equal(ExitCode.InvalidInput, Assert.Throws<CommandFailure>(() => CommandWords.Split(line)).ExitCode);
}
