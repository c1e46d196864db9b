using RaftKv.Cli.Tests.Commands;

namespace RaftKv.Cli.Tests;

/// <summary>A cluster in one command.</summary>
public sealed class DevTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-cli-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Three_members_start_say_where_they_are_and_end_together()
    {
        using var cluster = RunningCommand.OfOurs("", ["dev", "--port", "0", "--data-dir", _folder]);
        var lines = new List<string>();
        while (!lines.Any(line => line.StartsWith("  raftkv put", StringComparison.Ordinal)))
        {
            lines.AddRange(await cluster.ReadLinesAsync(1));
        }

        var endpoints = lines[^1].Split(' ')[^1];
        Assert.Equal(3, endpoints.Split(',').Length);
        Assert.Contains(lines, line => line.StartsWith("m2 | ", StringComparison.Ordinal));
        var put = await CommandRun.OfAsync([$"--endpoints={endpoints}", "put", "greeting", "hello"]);
        Assert.Equal((0, "OK\n"), (put.Code, put.Output));

        await cluster.SignalAsync("INT");
        Assert.Equal(0, await cluster.WaitForExitAsync());
        Assert.Equal(["m1", "m2", "m3"], Directory.GetDirectories(_folder).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task A_cluster_that_cannot_be_is_refused()
    {
        using var cluster = RunningCommand.OfOurs("", ["dev", "--members", "10"]);

        Assert.Equal(1, await cluster.WaitForExitAsync());
        Assert.Contains("--members takes 1 to 9", cluster.Errors, StringComparison.Ordinal);
    }
}
