using System.Diagnostics;
using RaftKv.Compare.Contenders;
using RaftKv.Compare.Results;
using RaftKv.Load;

namespace RaftKv.Compare.Works;

/// <summary>A snapshot of many keys saved to a file, and what that does to writes.</summary>
internal sealed record Snapshots(string Name, Stage On) : Work(Name, On)
{
    private const int Times = 3;

    public override string Title(Setup setup)
        => $"1 member, snapshot of {setup.ManyKeys:N0} keys saved; p99 of {setup.Rate:N0} puts/s meanwhile";

    public override async Task MeasureAsync(Cluster cluster, Setup setup, Outcome outcome)
    {
        var (bytes, _) = await SaveAsync(cluster);
        var cpu = cluster.CpuSeconds;
        var took = new List<double>();
        for (var i = 0; i < Times; i++)
        {
            (bytes, var seconds) = await SaveAsync(cluster);
            took.Add(seconds);
        }

        outcome.With(Figure.Took, took.Order().ElementAt(Times / 2))
            .With(Figure.Received, bytes / 1e6)
            .With(Figure.MemberCpu, (cluster.CpuSeconds - cpu) * 1e6 / Times);
        await Meanwhile.MeasureAsync(cluster, setup, setup.ManyKeySpace, outcome, async () =>
        {
            var clock = Stopwatch.StartNew();
            do
            {
                await SaveAsync(cluster);
            }
            while (clock.Elapsed < TimeSpan.FromSeconds(setup.Seconds));
        });
        await AddHoldingsAsync(cluster, outcome);
    }

    private static async Task<(long Bytes, double Seconds)> SaveAsync(Cluster cluster)
    {
        var clock = Stopwatch.StartNew();
        long bytes;
        await using (var file = new FileStream(cluster.FileBeside("saved"), FileMode.Create, FileAccess.Write, FileShare.None, 1 << 18))
        {
            bytes = await SingleCall.StreamAsync(
                cluster.Clients[0], "/etcdserverpb.Maintenance/Snapshot", ReadOnlyMemory<byte>.Empty, file.Write);

            // Not on the thread that sockets are served by.
            await Task.Run(() => file.Flush(flushToDisk: true));
        }

        return (bytes, clock.Elapsed.TotalSeconds);
    }
}
