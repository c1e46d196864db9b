using System.ComponentModel;
using System.Diagnostics;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Commands;

/// <summary>A program that a command runs, with this process's own input and output.</summary>
internal sealed class CalledProgram
{
    private readonly ProcessStartInfo _start;

    public CalledProgram(IReadOnlyList<string> words, params ReadOnlySpan<(string Name, string Value)> environment)
    {
        _start = new ProcessStartInfo(words[0], words.Skip(1));
        foreach (var (name, value) in environment)
        {
            _start.Environment[name] = value;
        }

        Text = $"command [{string.Join(' ', words.Select(word => GoQuoted.Of(word)))}]";
    }

    /// <summary>The program and its arguments, as etcdctl names them in errors.</summary>
    public string Text { get; }

    /// <returns>Its exit code.</returns>
    /// <exception cref="CommandFailure">It could not be started.</exception>
    public async Task<int> RunAsync(CancellationToken stop)
    {
        try
        {
            using var running = Process.Start(_start)!;
            await running.WaitForExitAsync(stop);
            return running.ExitCode;
        }
        catch (Win32Exception missing)
        {
            throw new CommandFailure(ExitCode.Error, $"{Text} error ({missing.Message})", missing);
        }
    }
}
