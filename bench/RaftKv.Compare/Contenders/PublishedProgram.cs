using System.Diagnostics;

namespace RaftKv.Compare.Contenders;

/// <summary>The raftkv that is measured: published as users get it, compiled ahead, and not what a build leaves behind.</summary>
internal static class PublishedProgram
{
    /// <summary>Publishes this tree's program.</summary>
    /// <returns>Its path.</returns>
    /// <exception cref="InvalidOperationException">It cannot be published from here; the message says why.</exception>
    public static async Task<string> MakeAsync()
    {
        var root = Root() ?? throw new InvalidOperationException("This program lies outside of its source tree, so say with --raftkv what to measure.");
        var folder = Path.Join(root, "artifacts", "compare", "raftkv");
        var start = new ProcessStartInfo(
            "dotnet", ["publish", Path.Join(root, "src", "RaftKv.Cli"), "-c", "Release", "-o", folder, "-v", "quiet", "--nologo"])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? Path.Join(folder, "raftkv")
            : throw new InvalidOperationException($"dotnet publish failed:\n{said}");
    }

    private static string? Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Join(folder.FullName, "RaftKv.sln")))
            {
                return folder.FullName;
            }
        }

        return null;
    }
}
