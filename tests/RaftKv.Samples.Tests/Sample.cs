using System.Diagnostics;

namespace RaftKv.Samples.Tests;

/// <summary>A sample that runs as a process of its own.</summary>
internal sealed class Sample : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;

    private Sample(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    public static Sample Start(string name, params string[] arguments)
    {
        // Beside this project's output, under the same configuration.
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        var program = Path.Join(output.Parent!.Parent!.FullName, name, output.Name, $"{name}.dll");
        Assert.True(File.Exists(program), $"{program} was not built.");
        var start = new ProcessStartInfo("dotnet", [program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return new(Process.Start(start)!);
    }

    /// <summary>Runs one to its end.</summary>
    /// <returns>What it has written.</returns>
    public static async Task<string[]> RunAsync(string name, params string[] arguments)
    {
        using var sample = Start(name, arguments);
        return await sample.EndAsync();
    }

    public async Task<string?> ReadLineAsync() => await _process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);

    public void PressEnter() => _process.StandardInput.WriteLine();

    /// <summary>The lines it writes until its end, which must be a good one.</summary>
    public async Task<string[]> EndAsync()
    {
        var written = await _process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal("", await _errors);
        Assert.Equal(0, _process.ExitCode);
        return written.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
