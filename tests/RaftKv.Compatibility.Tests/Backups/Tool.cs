using System.Diagnostics;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Backups;

/// <summary>One run of a program that ends by itself.</summary>
internal static class Tool
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public static string Etcdctl => StoreProgram.FindOnPath("etcdctl") ?? "";

    public static string RaftKv => StoreProgram.FindRaftKv()?.Path ?? "";

    /// <summary>Skips the test where one of the programs is missing.</summary>
    public static void NeedAll()
    {
        Assert.SkipWhen(Etcdctl.Length == 0, "There is no 'etcdctl' on the PATH; it comes with Debian's package 'etcd-client'.");
        Assert.SkipWhen(RaftKv.Length == 0, "raftkv is not built; 'dotnet build src/RaftKv.Cli' does that.");
    }

    /// <returns>What it printed to its standard output. Another end than a good one fails the test.</returns>
    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var (code, output, error) = await TryAsync(program, arguments);
        Assert.True(code == 0, $"{program} {string.Join(' ', arguments)} ended with {code}:\n{output}{error}");
        return output;
    }

    public static async Task<(int Code, string Output, string Error)> TryAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["ETCDCTL_API"] = "3" },
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            var error = process.StandardError.ReadToEndAsync(patience.Token);
            var output = await process.StandardOutput.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            return (process.ExitCode, output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
