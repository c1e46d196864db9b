using System.Diagnostics;
using RaftKv.Compare.Contenders;
using RaftKv.Compare.Results;
using RaftKv.Load;

namespace RaftKv.Compare.Works;

/// <summary>One answer with very many keys in it.</summary>
internal sealed record Lists(string Name, Stage On, bool HasValues) : Work(Name, On)
{
    private const int Times = 3;

    public override string Title(Setup setup) => $"1 member, list {Count(setup):N0} of {setup.ManyKeys:N0} keys, {(HasValues ? "with values" : "keys only")}";

    public override async Task MeasureAsync(Cluster cluster, Setup setup, Outcome outcome)
    {
        var request = Request(setup);

        // The first is not counted: code and caches are cold.
        var bytes = await SingleCall.StreamAsync(cluster.Clients[0], "/etcdserverpb.KV/Range", request);
        var cpu = cluster.CpuSeconds;
        var took = new List<double>();
        for (var i = 0; i < Times; i++)
        {
            var clock = Stopwatch.StartNew();
            bytes = await SingleCall.StreamAsync(cluster.Clients[0], "/etcdserverpb.KV/Range", request);
            took.Add(clock.Elapsed.TotalSeconds);
        }

        // The sizes say whether all were there: each key comes with a few bytes more.
        var least = Count(setup) * (long)(setup.KeyBytes + (HasValues ? setup.ValueBytes : 0));
        if (bytes < least)
        {
            throw new InvalidOperationException($"A list of {Count(setup)} keys has only {bytes} bytes.");
        }

        outcome.With(Figure.Took, took.Order().ElementAt(Times / 2))
            .With(Figure.Received, bytes / 1e6)
            .With(Figure.MemberCpu, (cluster.CpuSeconds - cpu) * 1e6 / Times);
        await AddHoldingsAsync(cluster, outcome);
    }

    private int Count(Setup setup) => HasValues ? Math.Min(setup.ListedValues, setup.ManyKeys) : setup.ManyKeys;

    private byte[] Request(Setup setup)
    {
        // RangeRequest { key: "\0", range_end: "\0" (everything), limit, keys_only }
        var request = new RequestBuffer(64);
        request.AddField(1, "\0"u8);
        request.AddField(2, "\0"u8);
        if (HasValues)
        {
            request.AddField(3, (ulong)Count(setup));
        }
        else
        {
            request.AddField(8, 1);
        }

        return request.Written.ToArray();
    }
}
