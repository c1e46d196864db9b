using System.Diagnostics;

namespace RaftKv.Load;

/// <summary>
/// A load that is under way. What it does is taken in pieces: <see cref="Take"/> answers for the time since it was last
/// called, so a warm-up is a piece that nobody looks at, and one load tells before from meanwhile.
/// </summary>
public sealed class LoadRun : IAsyncDisposable
{
    private readonly List<CallConnection> _connections = [];
    private readonly Pacer? _pacer;
    private long _since = Stopwatch.GetTimestamp();
    private TimeSpan _cpuSince = Environment.CpuUsage.TotalTime;

    private LoadRun(LoadPlan plan)
    {
        var budget = new OperationBudget(plan.Rate is null ? plan.Operations : null);
        for (var i = 0; i < plan.Connections; i++)
        {
            var first = (int)((long)plan.Clients * i / plan.Connections);
            var next = (int)((long)plan.Clients * (i + 1) / plan.Connections);
            _connections.Add(new CallConnection(
                plan.Endpoints[i % plan.Endpoints.Count], plan.Work, budget, plan.Rate is not null, first, next - first, seed: i));
        }

        _pacer = plan.Rate is { } rate ? new Pacer(_connections, rate, plan.Operations) : null;
    }

    /// <summary>Ends with the load, which is when it was stopped or has done all of its operations; fails as it does.</summary>
    public Task Finished { get; private set; } = Task.CompletedTask;

    /// <exception cref="IOException">An endpoint is not there, or does not speak HTTP/2.</exception>
    public static async Task<LoadRun> StartAsync(LoadPlan plan, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(plan.Connections, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(plan.Clients, plan.Connections);
        var run = new LoadRun(plan);
        try
        {
            foreach (var connection in run._connections)
            {
                await connection.ConnectAsync(cancellation).ConfigureAwait(false);
            }
        }
        catch
        {
            await run.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        _ = run.Take();
        run.Finished = run.RunAllAsync();
        run._pacer?.Start();
        return run;
    }

    /// <summary>A load of so long after a while that is not counted.</summary>
    public static async Task<LoadFigures> MeasureAsync(LoadPlan plan, TimeSpan before, TimeSpan duration, CancellationToken cancellation = default)
    {
        var run = await StartAsync(plan, cancellation).ConfigureAwait(false);
        await using (run.ConfigureAwait(false))
        {
            await run.LastAsync(before, cancellation).ConfigureAwait(false);
            _ = run.Take();
            await run.LastAsync(duration, cancellation).ConfigureAwait(false);
            var figures = run.Take();
            await run.StopAsync().ConfigureAwait(false);
            return figures;
        }
    }

    /// <summary>A load of so many operations.</summary>
    public static async Task<LoadFigures> CompleteAsync(LoadPlan plan, CancellationToken cancellation = default)
    {
        var run = await StartAsync(plan, cancellation).ConfigureAwait(false);
        await using (run.ConfigureAwait(false))
        {
            await run.Finished.WaitAsync(cancellation).ConfigureAwait(false);
            return run.Take();
        }
    }

    /// <summary>Waits so long, or until the load has ended; fails as it does.</summary>
    public async Task LastAsync(TimeSpan duration, CancellationToken cancellation = default)
    {
        var ended = await Task.WhenAny(Finished, Task.Delay(duration, cancellation)).ConfigureAwait(false);
        await ended.ConfigureAwait(false);
    }

    /// <summary>What was done since this was last called, or since the beginning.</summary>
    public LoadFigures Take()
    {
        var (now, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        var latencies = new Latencies();
        long refused = 0;
        foreach (var connection in _connections)
        {
            var (some, someRefused) = connection.Take();
            latencies.Add(some);
            refused += someRefused;
        }

        var figures = new LoadFigures(latencies, Stopwatch.GetElapsedTime(_since, now).TotalSeconds, refused, (cpu - _cpuSince).TotalSeconds);
        (_since, _cpuSince) = (now, cpu);
        return figures;
    }

    /// <summary>Begins nothing more, and waits for the last answers.</summary>
    public async Task StopAsync()
    {
        _pacer?.Stop();
        foreach (var connection in _connections)
        {
            connection.Stop(isAbandoning: true);
        }

        await Finished.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        _pacer?.Stop();
        foreach (var connection in _connections)
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }

    // One that fails ends all: the rest would measure something else.
    private async Task RunAllAsync()
    {
        var running = _connections.Select(connection => Task.Run(connection.RunAsync)).ToList();
        while (running.Count > 0)
        {
            var ended = await Task.WhenAny(running).ConfigureAwait(false);
            running.Remove(ended);
            await ended.ConfigureAwait(false);
        }
    }
}
