using System.CommandLine;
using System.Diagnostics;
using RaftKv.Cli.Commands;
using RaftKv.Cli.Completion;
using RaftKv.Cli.Serve;
using RaftKv.Stores;

namespace RaftKv.Cli.Tests;

/// <summary>What a shell offers when Tab is pressed.</summary>
public sealed class CompletionTests
{
    private static readonly IReadOnlyList<CompletionWord> Words = AllWords();

    [Theory]
    [InlineData("raftkv lea", "lease")]
    [InlineData("raftkv lease gr", "grant")]
    [InlineData("raftkv lease grant --tt", "")]
    [InlineData("raftkv get --pre", "--prefix")]
    [InlineData("raftkv get key --print", "--print-value-only")]
    [InlineData("raftkv --endpoints x get --consi", "--consistency")]
    [InlineData("raftkv get --dial", "--dial-timeout")]
    [InlineData("raftkv --listen-client", "--listen-client-http-urls,--listen-client-urls")]
    [InlineData("raftkv config ", "check")]
    [InlineData("raftkv member p", "promote")]
    public async Task Bash_offers_what_may_follow(string line, string offers)
    {
        var bash = StoreProgram.FindOnPath("bash");
        Assert.SkipWhen(bash is null, "There is no 'bash' on the PATH.");
        var words = line.Split(' ');
        var script = $"""
            {ShellScripts.Bash(Words)}
            COMP_WORDS=({string.Join(' ', words.Select(word => $"'{word}'"))})
            COMP_CWORD={words.Length - 1}
            _raftkv
            echo "$(IFS=,; echo "${"{"}COMPREPLY[*]{"}"}")"
            """;
        var start = new ProcessStartInfo(bash!, ["--norc", "-s"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        using var shell = Process.Start(start)!;
        await shell.StandardInput.WriteAsync(script);
        shell.StandardInput.Close();
        var output = await shell.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await shell.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(offers, output.Trim());
    }

    [Fact]
    public void Every_command_is_known_to_every_shell()
    {
        foreach (var (name, _, _) in ClientProgram.Overview())
        {
            Assert.Contains($"'{name}'", ShellScripts.Bash(Words), StringComparison.Ordinal);
            Assert.Contains($"'{name}'", ShellScripts.Zsh(Words), StringComparison.Ordinal);
            Assert.Contains($"'{name}'", ShellScripts.Fish(Words), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("zsh")]
    [InlineData("fish")]
    public async Task A_script_is_one_that_its_shell_can_read(string name)
    {
        var path = StoreProgram.FindOnPath(name);
        Assert.SkipWhen(path is null, $"There is no '{name}' on the PATH.");
        var script = name == "zsh" ? ShellScripts.Zsh(Words) : ShellScripts.Fish(Words);
        using var shell = Process.Start(new ProcessStartInfo(path!, ["-n"]) { RedirectStandardInput = true })!;
        await shell.StandardInput.WriteAsync(script);
        shell.StandardInput.Close();
        await shell.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, shell.ExitCode);
    }

    private static IReadOnlyList<CompletionWord> AllWords()
    {
        var raftkv = new RootCommand();
        ServeCommand.AddTo(raftkv);
        raftkv.Subcommands.Add(CompletionCommand.Create(raftkv));
        ClientProgram.AddTo(raftkv);
        return CompletionWord.All(raftkv);
    }
}
