using System.Diagnostics;
using RaftKv.Load;
using RaftKv.Stores;

namespace RaftKv.Compare.Contenders;

/// <summary>One process of a cluster, which may be stopped and started again on its data.</summary>
internal sealed class Member : IAsyncDisposable
{
    private readonly Contender _contender;
    private readonly StoreMember _process;

    public Member(Contender contender, MemberPlace place, IEnumerable<string> flags)
    {
        _contender = contender;
        Client = new LoadEndpoint(place.Client.Host, place.Client.Port);
        _process = new StoreMember(place, [.. contender.Command, .. flags]);
    }

    public LoadEndpoint Client { get; }

    public double CpuSeconds => ProcessFigures.CpuSeconds(File.ReadAllText($"/proc/{_process.ProcessId}/stat"));

    public long ResidentBytes => ProcessFigures.Bytes(File.ReadAllText($"/proc/{_process.ProcessId}/status"), "VmRSS");

    public long PeakResidentBytes => ProcessFigures.Bytes(File.ReadAllText($"/proc/{_process.ProcessId}/status"), "VmHWM");

    public void Start() => _process.Start();

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
                if (!_process.IsRunning || waited.Elapsed > patience)
                {
                    throw new InvalidOperationException(
                        $"{_contender.Name} at {Client.Host}:{Client.Port} {(_process.IsRunning ? "did not become ready" : "ended")}:\n{_process.Log}", failed);
                }
            }

            await Task.Delay(3);
        }
    }

    /// <summary>Asks it to end, and waits until it has.</summary>
    public Task StopAsync() => _process.StopAsync();

    /// <summary>Lets it end without a warning.</summary>
    public Task KillAsync() => _process.KillAsync();

    public async ValueTask DisposeAsync()
    {
        // What follows a load may run on the thread that reads sockets and pipes, which must not wait for their end.
        await _process.KillAsync();
        _process.Dispose();
    }
}
