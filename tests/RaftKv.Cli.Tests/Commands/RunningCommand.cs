using System.Diagnostics;
using System.Globalization;
using System.Text;
using RaftKv.Cli.Commands;
using RaftKv.Cli.Tests.Commands.Etcd;

namespace RaftKv.Cli.Tests.Commands;

/// <summary>
/// A command as a process, for those that have no end of their own. What it prints is read line by line; the errors beside it are read
/// all the time, because a pipe that nobody reads would stop the process, and because only a process that has ended has
/// said the last of them.
/// </summary>
internal sealed class RunningCommand : IDisposable
{
    // Far more than a busy machine needs; it is there so that a line that does not come is a failure and not a standstill.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly Process _process;
    private readonly List<string> _lines = [];
    private readonly StringBuilder _errors = new();

    private RunningCommand(Process process)
    {
        _process = process;
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
            {
                _errors.AppendLine(line.Data);
            }
        };
        _process.BeginErrorReadLine();
    }

    /// <summary>One of etcdctl.</summary>
    public static RunningCommand OfEtcdctl(string etcdctl, string endpoints, params string[] arguments)
        => Start(etcdctl, endpoints, arguments);

    /// <summary>Our own.</summary>
    public static RunningCommand OfOurs(string endpoints, params string[] arguments)
        => Start("dotnet", endpoints, [typeof(ClientProgram).Assembly.Location, .. arguments]);

    /// <summary>Says a line to it.</summary>
    public Task WriteLineAsync(string line) => _process.StandardInput.WriteLineAsync(line);

    /// <summary>Says something to it.</summary>
    public async Task WriteAsync(string text)
    {
        await _process.StandardInput.WriteAsync(text);
        await _process.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>The next lines that it prints.</summary>
    public async Task<string[]> ReadLinesAsync(int count)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        var first = _lines.Count;
        while (_lines.Count - first < count)
        {
            string? line = null;
            try
            {
                line = await _process.StandardOutput.ReadLineAsync(patience.Token);
                if (line is null)
                {
                    // It says why on its other output, which is complete when it has ended.
                    await _process.WaitForExitAsync(patience.Token);
                }
            }
            catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
            {
                Assert.Fail(Story("went silent"));
            }

            _lines.Add(line ?? throw new InvalidOperationException(Story("ended")));
        }

        return [.. _lines[first..]];
    }

    /// <summary>As Ctrl-C (INT) or the system's own end (TERM) do it.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Nobody listens to it any more.</summary>
    public void CloseOutput() => _process.StandardOutput.Close();

    /// <summary>What it has said beside its output so far.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
            {
                return _errors.ToString();
            }
        }
    }

    /// <summary>Waits until it has ended by itself.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> WaitForExitAsync()
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        // With the programs that it runs, if any.
        _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private static RunningCommand Start(string path, string endpoints, string[] arguments)
        => new(Etcdctl.Start(path, arguments, ("ETCDCTL_ENDPOINTS", endpoints)));

    private string Story(string end)
    {
        lock (_errors)
        {
            return $"It {end} after {_lines.Count} lines:\n{string.Join('\n', _lines)}\n{_errors}";
        }
    }
}
