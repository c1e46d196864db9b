using System.Diagnostics;
using RaftKv.Compare.Contenders;
using RaftKv.Compare.Results;
using RaftKv.Load;

namespace RaftKv.Compare.Works;

/// <summary>What a compaction does to writes.</summary>
internal sealed record Compaction(string Name, Stage On) : Work(Name, On)
{
    public override string Title(Setup setup)
        => $"{setup.Members} members, p99 of {setup.Rate:N0} puts/s while {setup.Revisions:N0} revisions are compacted, against without";

    public override async Task MeasureAsync(Cluster cluster, Setup setup, Outcome outcome)
    {
        var revision = await RevisionAsync(cluster);
        var took = 0.0;
        await Meanwhile.MeasureAsync(cluster, setup, LongHistory.KeySpace(setup), outcome, async () =>
        {
            // CompactionRequest { revision, physical }: the answer comes when the history is gone.
            var request = new RequestBuffer(16);
            request.AddField(1, revision);
            request.AddField(2, 1);
            var clock = Stopwatch.StartNew();
            await SingleCall.StreamAsync(cluster.Clients[0], "/etcdserverpb.KV/Compact", request.WrittenMemory);
            took = clock.Elapsed.TotalSeconds;

            // Files may be rewritten later than that, and too short a time has no p99.
            var left = TimeSpan.FromSeconds(setup.Seconds) - clock.Elapsed;
            await Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        });
        outcome.With(Figure.Took, took);
        await AddHoldingsAsync(cluster, outcome);
    }

    private static async Task<ulong> RevisionAsync(Cluster cluster)
    {
        // RangeRequest { key: "none" }; every answer's header has the store's revision.
        byte[] request = [0x0a, 4, .. "none"u8];
        return RevisionOf(await SingleCall.UnaryAsync(cluster.Clients[0], "/etcdserverpb.KV/Range", request));
    }

    private static ulong RevisionOf(ReadOnlySpan<byte> answer)
    {
        var fields = new FieldReader(answer);
        if (fields.Find(1))
        {
            var header = new FieldReader(fields.Bytes);
            if (header.Find(3))
            {
                return header.Value;
            }
        }

        throw new InvalidOperationException("An answer has no revision in its header.");
    }
}
