using System.Diagnostics;

namespace RaftKv.Client.Tests;

/// <summary>The sample that is published with nothing but what it uses.</summary>
public sealed class TrimmedTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-trimmed-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_trimmed_program_is_published_without_a_warning_and_runs()
    {
        var project = FindProject();
        Assert.SkipWhen(project is null, "The sources of the sample are not beside the tests.");
        Assert.SkipUnless(OperatingSystem.IsLinux() && System.Runtime.InteropServices.RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.X64, "The sample is for Linux on x64.");
        var (code, said) = await RunAsync("dotnet", "publish", project!, "-c", "Release", "-o", _folder, "--nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false");
        Assert.SkipWhen(said.Contains("NU1101", StringComparison.Ordinal) || said.Contains("NU1301", StringComparison.Ordinal), $"The runtime to publish with cannot be had here: {said}");
        Assert.True(code == 0, said);
        Assert.DoesNotContain("warning", said, StringComparison.Ordinal);

        await using var node = await TestNode.StartAsync(listens: true);
        (code, said) = await RunAsync(Path.Join(_folder, "SmallClient"), node.Node.ClientEndPoints[0].ToString());
        Assert.True(code == 0, said);
        Assert.Equal("greeting is hello\nand read again: hello\n", said);
        var bytes = Directory.GetFiles(_folder).Where(file => !file.EndsWith(".pdb", StringComparison.Ordinal)).Sum(file => new FileInfo(file).Length);
        TestContext.Current.TestOutputHelper?.WriteLine($"{bytes / 1024 / 1024} MiB");
    }

    private static string? FindProject()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var beside = Path.Join(folder.FullName, "samples", "SmallClient", "SmallClient.csproj");
            if (File.Exists(beside))
            {
                return beside;
            }
        }

        return null;
    }

    private static async Task<(int Code, string Said)> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        // What the test itself was built and run with is not meant for the build of the sample.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            start.Environment.Remove(name);
        }

        using var process = Process.Start(start)!;
        try
        {
            var said = await process.StandardOutput.ReadToEndAsync(Stop);
            await process.WaitForExitAsync(Stop);
            return (process.ExitCode, said);
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
