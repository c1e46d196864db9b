using System.Diagnostics;
using System.Runtime.CompilerServices;
using RaftKv.Compatibility.Tests.Stores;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Etcd3;

/// <summary>The client of the npm world, which shares no code with etcd's own: client.js beside this file says what it tries.</summary>
public sealed class Etcd3Tests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    [Theory]
    [InlineData(StoreKind.Etcd, 1)]
    [InlineData(StoreKind.RaftKv, 1)]
    [InlineData(StoreKind.RaftKv, 3)]
    public async Task The_whole_client_api_of_etcd3_works(StoreKind kind, int members)
    {
        Assert.SkipWhen(StoreProgram.FindOnPath("node") is null, "There is no 'node' on the PATH.");
        Assert.SkipWhen(
            !Directory.Exists(Path.Combine(Folder(), "node_modules")),
            "The npm packages are not installed; run 'npm ci' in tests/RaftKv.Compatibility.Tests/Etcd3.");
        await using var store = await Target.StartOrSkipAsync(kind, members);

        using var node = Start(store.Endpoints);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        var lines = new List<string>();
        try
        {
            var errors = node.StandardError.ReadToEndAsync(patience.Token);
            while (await node.StandardOutput.ReadLineAsync(patience.Token) is { } line)
            {
                lines.Add(line);
                if (line == "restart")
                {
                    await Task.WhenAll(store.Members.Select(member => member.KillAsync()));
                    await Task.WhenAll(store.Members.Select(member => store.RestartAsync(member, patience.Token)));
                    await node.StandardInput.WriteLineAsync("restarted");
                    await node.StandardInput.FlushAsync(patience.Token);
                }
            }

            await node.WaitForExitAsync(patience.Token);
            Assert.True(lines.LastOrDefault() == "done", $"{string.Join('\n', lines)}\n{await errors}");
        }
        finally
        {
            if (!node.HasExited)
            {
                node.Kill(entireProcessTree: true);
            }
        }

        Assert.All(lines, line => Assert.False(line.StartsWith("FAIL", StringComparison.Ordinal), line));
        Assert.Contains(lines, line => line.StartsWith("ok", StringComparison.Ordinal));
    }

    private static Process Start(string addresses)
    {
        var start = new ProcessStartInfo("node", ["client.js", addresses])
        {
            WorkingDirectory = Folder(),
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["NODE_NO_WARNINGS"] = "1";
        return Process.Start(start)!;
    }

    // Where the sources are: npm installs its packages beside them, and nothing copies those to the output.
    private static string Folder([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
