using System.CommandLine;

namespace RaftKv.Compare.Tests;

/// <summary>What is refused before anything is started.</summary>
public sealed class CommandLineTests
{
    [Theory]
    [InlineData("'foo' is no work: there are put1, put100,", "table", "--work", "put1,foo")]
    [InlineData("'foo' is no curve: there are keys, members, values, watchers.", "curves", "--curve", "foo")]
    [InlineData("--rounds is 1 at least, not 0.", "table", "--rounds", "0")]
    [InlineData("--key-bytes is 10 at least, not 9.", "table", "--key-bytes", "9")]
    [InlineData("There is no program at '/nowhere/raftkv' (--raftkv).", "table", "--raftkv", "/nowhere/raftkv")]
    [InlineData("'zookeeper' not recognized", "table", "--only", "zookeeper")]
    [InlineData("--points are sizes of one curve, so name it with --curve.", "curves", "--points", "1,2")]
    [InlineData("'x' is no size (--points): whole numbers from 1, separated by commas.", "curves", "--curve", "keys", "--points", "1,x")]
    [InlineData("Cannot parse argument 'many'", "table", "--rounds", "many")]
    public void A_mistake_is_named(string problem, params string[] arguments)
    {
        var parsed = CompareCommands.Create().Parse(arguments);

        Assert.Contains(problem, string.Join('\n', parsed.Errors.Select(error => error.Message)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("table")]
    [InlineData("table", "--work", "put1,watch", "--rounds", "1", "--warm-up", "0", "--json", "a", "--markdown", "b", "--plots", "c")]
    [InlineData("curves", "--curve", "keys", "--points", "10,20")]
    public void What_can_be_meant_is_taken(params string[] arguments) => Assert.Empty(CompareCommands.Create().Parse(arguments).Errors);

    [Theory]
    [InlineData("table")]
    [InlineData("curves")]
    public void Help_tells_of_every_flag(string command)
    {
        using var text = new StringWriter();

        CompareCommands.Create().Parse([command, "--help"]).Invoke(new InvocationConfiguration { Output = text });

        foreach (var flag in (string[])["--rounds", "--raftkv", "--etcd", "--folder", "--json", "--markdown", "--plots", "--value-bytes"])
        {
            Assert.Contains(flag, text.ToString(), StringComparison.Ordinal);
        }
    }
}
