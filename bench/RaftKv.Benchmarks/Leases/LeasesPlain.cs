using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using RaftKv.Raft;
using RaftKv.Storage.Leases;
using RaftKv.Storage.State;

namespace RaftKv.Benchmarks.Leases;

/// <summary>What many leases cost in time and memory: a million with a key of 64 bytes each, and one with a million keys.</summary>
/// <remarks>
/// <code>dotnet run -c Release --project bench/RaftKv.Benchmarks -- plain leases [count]</code>
/// </remarks>
internal static class LeasesPlain
{
    public static void Run(int count)
    {
        var keys = Enumerable.Range(0, count)
            .Select(i => Encoding.UTF8.GetBytes(i.ToString("D64", CultureInfo.InvariantCulture)))
            .ToArray();
        new Chance(7).Shuffle(keys.AsSpan());

        // Until the code is compiled for good.
        for (var i = 0; i < 3; i++)
        {
            Measure(keys[..(count / 10)], isQuiet: true);
            Thread.Sleep(200);
        }

        Measure(keys, isQuiet: false);
    }

    private static void Measure(byte[][] keys, bool isQuiet)
    {
        var count = keys.Length;
        var report = isQuiet ? (Action<string, TimeSpan, long>)((_, _, _) => { }) : (name, time, bytes) => Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{name,-42} {time.TotalMilliseconds,9:F1} ms {time.TotalNanoseconds / count,8:F0} ns each {(double)bytes / count,8:F1} B each"));

        LeaseTable? table = null;
        Step("a lease a key: grant and attach", () =>
        {
            table = new LeaseTable();
            for (var i = 0; i < count; i++)
            {
                table.Grant(i + 1, 60);
                table.Attach(keys[i], i + 1);
            }
        });
        var bytes = new ArrayBufferWriter<byte>(100 * count);
        Step("write the table", () => table!.WriteTo(bytes));
        LeaseTable? read = null;
        Step("read the table", () => read = LeaseTable.ReadFrom(bytes.WrittenSpan));
        read = null;

        LeaseTable? one = null;
        Step("one lease: attach random keys", () =>
        {
            one = new LeaseTable();
            one.Grant(1, 60);
            foreach (var key in keys)
            {
                one.Attach(key, 1);
            }
        });
        Step("one lease: detach them", () =>
        {
            foreach (var key in keys)
            {
                one!.Detach(key, 1);
            }
        });
        one = null;

        LeaseClock? clock = null;
        var sorted = table!.Sorted();
        Step("clock: become leader", () =>
        {
            clock = new LeaseClock();
            clock.BecomeLeader(1_000, sorted, 1_000);
        });
        var order = sorted.Select(lease => lease.Id).ToArray();
        new Chance(8).Shuffle(order.AsSpan());
        Step("clock: renew in random order", () =>
        {
            for (var i = 0; i < order.Length; i++)
            {
                clock!.Renew(order[i], 1_000 + (i / 1_000));
            }
        });
        Step("clock: all run out and are revoked", () =>
        {
            for (var now = 1_000L; clock!.Count > 0; now += 500)
            {
                foreach (var id in clock.TakeExpired(now))
                {
                    clock.Revoked(id);
                }
            }
        });
        GC.KeepAlive(table);

        void Step(string name, Action action)
        {
            var before = GC.GetTotalMemory(forceFullCollection: true);
            var started = Stopwatch.GetTimestamp();
            action();
            var time = Stopwatch.GetElapsedTime(started);
            report(name, time, GC.GetTotalMemory(forceFullCollection: true) - before);
        }
    }
}
