using System.Diagnostics;
using System.Globalization;
using System.Text;
using RaftKv.Cli.Serve;

namespace RaftKv.Cli.Tests.Serve;

/// <summary>A member as its operator starts it: the program with flags, in a folder of its own, on ports that are free.</summary>
internal sealed class MemberProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly List<string> _lines = [];

    private MemberProcess(Process process)
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

    /// <summary>Where clients come in.</summary>
    public string Clients => Told("clients");

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

    public static MemberProcess Start(IReadOnlyDictionary<string, string>? environment, params string[] flags)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(ServeCommand).Assembly.Location, .. flags])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        return new MemberProcess(Process.Start(start)!);
    }

    /// <summary>A member on its own, when it is ready.</summary>
    public static async Task<MemberProcess> StartAloneAsync(string dataDir, params string[] flags)
    {
        var member = Start(
            null, ["--data-dir", dataDir, "--listen-client-urls", "http://127.0.0.1:0", "--listen-peer-urls", "http://127.0.0.1:0", .. flags]);
        try
        {
            await member.ReadyAsync();
            return member;
        }
        catch
        {
            await member.DisposeAsync();
            throw;
        }
    }

    public async Task ReadyAsync()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        while (_lines.Count == 0 || !_lines[^1].Contains("ready", StringComparison.Ordinal))
        {
            var line = await _process.StandardOutput.ReadLineAsync(patience.Token);
            if (line is null)
            {
                await _process.WaitForExitAsync(patience.Token);
                Assert.Fail($"It ended:\n{string.Join('\n', _lines)}\n{Errors}");
            }

            _lines.Add(line);
        }
    }

    /// <summary>The first address that a line of its beginning tells.</summary>
    public string Told(string what)
    {
        var line = _lines.First(one => one.TrimStart().StartsWith(what, StringComparison.Ordinal));
        return line.Trim()[what.Length..].Trim().Split(',')[0];
    }

    /// <summary>Ends it as Ctrl-C does.</summary>
    public async Task<int> StopAsync()
    {
        using (var kill = Process.Start("kill", ["-INT", _process.Id.ToString(CultureInfo.InvariantCulture)]))
        {
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        return await EndsAsync();
    }

    public async Task<int> EndsAsync()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        _ = await _process.StandardOutput.ReadToEndAsync(patience.Token);
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    // Whoever has given it a folder deletes that next.
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process.Dispose();
    }
}
