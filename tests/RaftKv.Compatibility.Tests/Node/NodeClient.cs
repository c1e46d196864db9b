using System.Diagnostics;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Node;

/// <summary>
/// A script of the npm world, <c>client.js</c> in a folder of its own. It prints a line for each thing that it tries,
/// <c>restart</c> where it wants the server to go and come back, and <c>done</c> at its end.
/// </summary>
internal static class NodeClient
{
    /// <summary>Skips the test where there is no node, or its packages are not installed.</summary>
    /// <param name="folder">Where the sources are: npm installs its packages beside them, and nothing copies those.</param>
    public static void SkipIfMissing(string folder)
    {
        Assert.SkipWhen(StoreProgram.FindOnPath("node") is null, "There is no 'node' on the PATH.");
        Assert.SkipWhen(
            !Directory.Exists(Path.Combine(folder, "node_modules")),
            $"The npm packages are not installed; run 'npm ci' in tests/RaftKv.Compatibility.Tests/{Path.GetFileName(folder)}.");
    }

    /// <summary>Runs it to its end; nothing that it tried may have failed.</summary>
    public static async Task RunAsync(string folder, string address, TimeSpan limit, Func<CancellationToken, Task> restart)
    {
        using var node = Start(folder, address);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(limit);
        var lines = new List<string>();
        try
        {
            var errors = node.StandardError.ReadToEndAsync(patience.Token);
            while (await node.StandardOutput.ReadLineAsync(patience.Token) is { } line)
            {
                lines.Add(line);
                if (line == "restart")
                {
                    await restart(patience.Token);
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

    private static Process Start(string folder, string address)
    {
        var start = new ProcessStartInfo("node", ["client.js", address])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["NODE_NO_WARNINGS"] = "1";
        return Process.Start(start)!;
    }
}
