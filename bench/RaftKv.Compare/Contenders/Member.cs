using System.Diagnostics;
using System.Runtime.InteropServices;
using RaftKv.Load;

namespace RaftKv.Compare.Contenders;

/// <summary>One process of a cluster, which may be stopped and started again on its data.</summary>
internal sealed class Member(Contender contender, LoadEndpoint client, IReadOnlyList<string> flags) : IAsyncDisposable
{
    private const int Sigterm = 15;
    private static readonly List<Process> Running = [];
    private readonly Queue<string> _said = new();
    private Process? _process;

    // Nobody should find members of a comparison that was interrupted.
    static Member() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        lock (Running)
        {
            Running.ForEach(process => process.Kill());
        }
    };

    public LoadEndpoint Client { get; } = client;

    public double CpuSeconds => ProcessFigures.CpuSeconds(File.ReadAllText($"/proc/{_process!.Id}/stat"));

    public long ResidentBytes => ProcessFigures.Bytes(File.ReadAllText($"/proc/{_process!.Id}/status"), "VmRSS");

    public long PeakResidentBytes => ProcessFigures.Bytes(File.ReadAllText($"/proc/{_process!.Id}/status"), "VmHWM");

    public void Start()
    {
        var start = new ProcessStartInfo(contender.Command[0], [.. contender.Command.Skip(1), .. flags])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        LoadProcess.Clean(start.Environment);
        _process = Process.Start(start)!;
        lock (Running)
        {
            Running.Add(_process);
        }

        _process.OutputDataReceived += (_, line) => Remember(line.Data);
        _process.ErrorDataReceived += (_, line) => Remember(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Waits until it answers a read that is certain to be current.</summary>
    /// <exception cref="InvalidOperationException">It does not.</exception>
    public async Task ReadyAsync(TimeSpan patience)
    {
        // RangeRequest { key: "ready" }
        byte[] request = [0x0a, 5, .. "ready"u8];
        var waited = Stopwatch.StartNew();
        while (true)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            try
            {
                await SingleCall.StreamAsync(Client, "/etcdserverpb.KV/Range", request, cancellation: limit.Token);
                return;
            }
            catch (Exception failed) when (failed is IOException or System.Net.Sockets.SocketException or OperationCanceledException)
            {
                if (_process!.HasExited || waited.Elapsed > patience)
                {
                    throw new InvalidOperationException(
                        $"{contender.Name} at {Client.Host}:{Client.Port} {(_process.HasExited ? "ended" : "did not become ready")}:\n{Said()}", failed);
                }
            }

            await Task.Delay(3);
        }
    }

    /// <summary>Asks it to end, and waits until it has.</summary>
    public async Task StopAsync()
    {
        if (Kill(_process!.Id, Sigterm) != 0)
        {
            throw new InvalidOperationException($"{contender.Name} could not be stopped: error {Marshal.GetLastPInvokeError()}.");
        }

        await GoneAsync();
    }

    /// <summary>Lets it end without a warning.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await GoneAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await KillAsync();
        }
    }

    private async Task GoneAsync()
    {
        await _process!.WaitForExitAsync();
        lock (Running)
        {
            Running.Remove(_process);
        }

        _process.Dispose();
        _process = null;
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);

    private void Remember(string? line)
    {
        lock (_said)
        {
            if (line is not null)
            {
                _said.Enqueue(line);
            }

            if (_said.Count > 20)
            {
                _said.Dequeue();
            }
        }
    }

    private string Said()
    {
        lock (_said)
        {
            return string.Join('\n', _said);
        }
    }
}
