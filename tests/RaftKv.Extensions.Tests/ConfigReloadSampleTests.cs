using System.Diagnostics;

namespace RaftKv.Extensions.Tests;

/// <summary>The sample, as its first lines say.</summary>
public sealed class ConfigReloadSampleTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-sample-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_sample_shows_what_is_in_the_store_as_it_changes_and_what_was_there_when_it_is_away()
    {
        await using var node = await TestNode.StartAsync(listens: true);
        await using var link = new LinkProxy(node.Node.ClientEndPoints[0]);
        await node.Client.PutAsync("shop/Limits/Orders", "10", cancellation: Stop);
        using (var sample = Start(link.Address))
        {
            await SaysAsync(sample, "10");
            await node.Client.PutAsync("shop/Limits/Orders", "20", cancellation: Stop);
            await SaysAsync(sample, "20");
            await EndAsync(sample);
        }

        link.IsOpen = false;
        using var away = Start(link.Address);
        await SaysAsync(away, "20");
        await EndAsync(away);
    }

    private static async Task SaysAsync(Process sample, string limit)
    {
        string? line;
        do
        {
            line = await sample.StandardOutput.ReadLineAsync(Stop);
            Assert.NotNull(line);
        }
        while (line != $"Orders are limited to {limit}.");
    }

    private static async Task EndAsync(Process sample)
    {
        await sample.StandardInput.WriteLineAsync();
        sample.StandardInput.Close();
        await sample.WaitForExitAsync(Stop);
        Assert.Equal(0, sample.ExitCode);
    }

    private Process Start(Uri endpoint) => Process.Start(new ProcessStartInfo("dotnet")
    {
        ArgumentList = { Path.Join(AppContext.BaseDirectory, "ConfigReload.dll"), endpoint.ToString(), _folder },
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
    })!;
}
