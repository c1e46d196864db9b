using System.Diagnostics;
using System.Runtime.CompilerServices;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Kube;

/// <summary>The Kubernetes client of the npm world: client.js beside this file says what it tries.</summary>
public sealed class KubeClientTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(6);

    [Fact]
    public async Task Typed_clients_watches_and_informers_work_and_outlive_the_server()
    {
        Assert.SkipWhen(StoreProgram.FindOnPath("node") is null, "There is no 'node' on the PATH.");
        Assert.SkipWhen(
            !Directory.Exists(Path.Combine(Folder(), "node_modules")),
            "The npm packages are not installed; run 'npm ci' in tests/RaftKv.Compatibility.Tests/Kube.");
        await using var kube = await KubeProcess.StartOrSkipAsync();

        using var node = Start(kube.Address.GetLeftPart(UriPartial.Authority));
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
                    await kube.RestartAsync();
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

    private static Process Start(string address)
    {
        var start = new ProcessStartInfo("node", ["client.js", address])
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
