using System.Diagnostics;
using System.Globalization;
using System.Text;
using RaftKv.Cli.Commands;

namespace RaftKv.Cli.Tests.Commands.Terminals;

/// <summary>A command of ours at a terminal, with somebody who reads what it shows and types: <c>script</c> of util-linux is
/// what makes the terminal.</summary>
internal sealed class Terminal : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly StringBuilder _shown = new();
    private readonly Task _reading;
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _seen;

    private Terminal(Process process)
    {
        _process = process;
        _reading = Task.Run(ReadAsync);
    }

    public static void SkipWithout()
        => Assert.SkipUnless(File.Exists("/usr/bin/script"), "There is no /usr/bin/script (of util-linux) to make a terminal.");

    public static Terminal Open(string endpoints, params string[] arguments)
    {
        var command = string.Join(' ', arguments.Prepend(typeof(ClientProgram).Assembly.Location).Prepend("dotnet").Select(Quoted));
        var start = new ProcessStartInfo("/usr/bin/script", ["--quiet", "--return", "--flush", "--command", command, "/dev/null"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            StandardOutputEncoding = Encoding.UTF8,
            UseShellExecute = false,
        };
        start.Environment["ETCDCTL_ENDPOINTS"] = endpoints;
        start.Environment["TERM"] = "xterm";
        return new Terminal(Process.Start(start)!);
    }

    /// <summary>Waits until it shows something that was not shown when the last one was found.</summary>
    public async Task SeesAsync(string text)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        while (true)
        {
            Task more;
            lock (_shown)
            {
                var at = _shown.ToString().IndexOf(text, _seen, StringComparison.Ordinal);
                if (at >= 0)
                {
                    _seen = at + text.Length;
                    return;
                }

                more = _more.Task;
            }

            try
            {
                if (await Task.WhenAny(more, _reading).WaitAsync(patience.Token) == _reading && !more.IsCompleted)
                {
                    Assert.Fail($"It ended without showing '{text}':\n{Shown}");
                }
            }
            catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
            {
                Assert.Fail($"It does not show '{text}':\n{Shown}");
            }
        }
    }

    /// <summary>All that was shown so far, what was typed and echoed included.</summary>
    public string Shown
    {
        get
        {
            lock (_shown)
            {
                return _shown.ToString();
            }
        }
    }

    /// <summary>Types a line, and the key that ends it.</summary>
    public Task EnterAsync(string line) => TypeAsync(line + "\r");

    public Task InterruptAsync() => TypeAsync("\u0003");

    public async Task<int> EndsAsync()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        await _process.WaitForExitAsync(patience.Token);
        await _reading;
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _reading;
        _process.Dispose();
    }

    private async Task TypeAsync(string keys)
    {
        await _process.StandardInput.WriteAsync(keys);
        await _process.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
    }

    private async Task ReadAsync()
    {
        var room = new char[1024];
        while (await _process.StandardOutput.ReadAsync(room) is > 0 and var count)
        {
            TaskCompletionSource more;
            lock (_shown)
            {
                _shown.Append(room, 0, count);
                (more, _more) = (_more, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            }

            more.SetResult();
        }
    }

    private static string Quoted(string word) => string.Create(CultureInfo.InvariantCulture, $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'");
}
