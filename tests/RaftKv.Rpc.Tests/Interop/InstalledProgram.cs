using System.Diagnostics;

namespace RaftKv.Rpc.Tests.Interop;

/// <summary>A program that the machine has, or the reason to skip a test.</summary>
/// <example><code>
/// var curl = InstalledProgram.OrSkip("curl", "Debian's package 'curl'");
/// var (exitCode, output, errors) = await curl.RunAsync("--http1.1", url);
/// </code></example>
internal sealed class InstalledProgram
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _path;
    private readonly (string Name, string Value)[] _environment;

    private InstalledProgram(string path, (string Name, string Value)[] environment)
    {
        _path = path;
        _environment = environment;
    }

    public static InstalledProgram OrSkip(string name, string source, params (string Name, string Value)[] environment)
    {
        var folders = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator) ?? [];
        var path = folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, $"There is no '{name}' on the PATH; it comes with {source}.");
        return new(path!, environment);
    }

    /// <summary>Runs the program to its end.</summary>
    public async Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(_path, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            var errors = process.StandardError.ReadToEndAsync(patience.Token);
            var output = await process.StandardOutput.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            return (process.ExitCode, output, await errors);
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"'{_path} {string.Join(' ', arguments)}' did not end within {Patience}.");
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
