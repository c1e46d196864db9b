using System.Diagnostics;
using RaftKv.Compare.Contenders;
using RaftKv.Compare.Results;
using RaftKv.Load;
using RaftKv.Storage.Files;

namespace RaftKv.Compare.Works;

/// <summary>A snapshot of many keys saved to a file, and what that does to writes.</summary>
internal sealed record Snapshots(string Name, Stage On) : Work(Name, On)
{
    private const int Times = 3;

    public override string Title(Setup setup)
        => $"1 member, snapshot of {setup.ManyKeys:N0} keys saved; p99 of {setup.Rate:N0} puts/s meanwhile";

    public override async Task MeasureAsync(Cluster cluster, Setup setup, Outcome outcome)
    {
        // Each into a file of its own, as people save them: to empty an old one holds up the disk's other syncs.
        var saved = new List<string>();
        var (bytes, _) = await SaveAsync(cluster, saved);
        var cpu = cluster.CpuSeconds;
        var took = new List<double>();
        for (var i = 0; i < Times; i++)
        {
            (bytes, var seconds) = await SaveAsync(cluster, saved);
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
                await SaveAsync(cluster, saved);
            }
            while (clock.Elapsed < TimeSpan.FromSeconds(setup.Seconds));
        });
        saved.ForEach(File.Delete);
        await AddHoldingsAsync(cluster, outcome);
    }

    private static async Task<(long Bytes, double Seconds)> SaveAsync(Cluster cluster, List<string> saved)
    {
        var clock = Stopwatch.StartNew();
        long bytes;
        saved.Add(cluster.FileBeside($"saved{saved.Count}"));
        await using (var file = new FileStream(saved[^1], FileMode.Create, FileAccess.Write, FileShare.None, 1 << 18))
        {
            // As `raftkv snapshot save` does; nobody can wait on the thread that sockets are served by.
            var sync = new SteadySync(file.SafeFileHandle);
            bytes = await SingleCall.StreamAsync(
                cluster.Clients[0],
                "/etcdserverpb.Maintenance/Snapshot",
                ReadOnlyMemory<byte>.Empty,
                piece =>
                {
                    file.Write(piece);
                    sync.Grown(file.Length);
                });
            await file.FlushAsync();
            await sync.EndAsync();
        }

        return (bytes, clock.Elapsed.TotalSeconds);
    }
}
