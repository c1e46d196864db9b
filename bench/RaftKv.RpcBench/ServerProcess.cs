using System.Diagnostics;
using System.Globalization;

namespace RaftKv.RpcBench;

/// <summary>What a process has used since it started.</summary>
internal readonly record struct Usage(double CpuMicroseconds, double AllocatedBytes)
{
    public static Usage Own => new(
        Process.GetCurrentProcess().TotalProcessorTime.TotalMicroseconds, GC.GetTotalAllocatedBytes(precise: true));
}

/// <summary>A server of one kind in a process of its own.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly int _port;

    private ServerProcess(Process process, int port)
    {
        _process = process;
        _port = port;
    }

    public static async Task<ServerProcess> StartAsync(string kind)
    {
        var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["server", kind])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        return new(process, int.Parse((await process.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture));
    }

    public Uri Address(string path) => new($"http://127.0.0.1:{_port}{path}");

    public async Task<Usage> UsageAsync()
    {
        await _process.StandardInput.WriteLineAsync();
        await _process.StandardInput.FlushAsync();
        var parts = (await _process.StandardOutput.ReadLineAsync())!.Split(' ');
        return new(double.Parse(parts[0], CultureInfo.InvariantCulture), double.Parse(parts[1], CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
