using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace RaftKv.Rpc.Tests.Interop;

/// <summary>One of the scripts of this folder as a child process.</summary>
internal static class NodeProgram
{
    /// <summary>Why the scripts cannot run here, or null if they can.</summary>
    public static string? Obstacle { get; } = FindObstacle();

    /// <summary>Runs a script to its end.</summary>
    /// <returns>Its exit code, and the lines it printed.</returns>
    public static async Task<(int ExitCode, string[] Lines, string Errors)> RunAsync(CancellationToken cancellation, params string[] arguments)
    {
        using var node = Start(arguments);
        try
        {
            var errors = node.StandardError.ReadToEndAsync(cancellation);
            var output = await node.StandardOutput.ReadToEndAsync(cancellation);
            await node.WaitForExitAsync(cancellation);
            return (node.ExitCode, output.Split('\n', StringSplitOptions.RemoveEmptyEntries), await errors);
        }
        finally
        {
            if (!node.HasExited)
            {
                node.Kill(entireProcessTree: true);
            }
        }
    }

    public static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("node", arguments)
        {
            WorkingDirectory = Folder(),
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["NODE_NO_WARNINGS"] = "1";
        return Process.Start(start)!;
    }

    private static string? FindObstacle()
    {
        if (!Directory.Exists(Path.Combine(Folder(), "node_modules")))
        {
            return "The npm packages are not installed; run 'npm ci' in tests/RaftKv.Rpc.Tests/Interop.";
        }

        var folders = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator) ?? [];
        return folders.Any(folder => File.Exists(Path.Combine(folder, "node")) || File.Exists(Path.Combine(folder, "node.exe")))
            ? null
            : "There is no 'node' on the PATH.";
    }

    // Where the sources are: npm installs its packages beside them, and nothing copies those to the output.
    private static string Folder([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
