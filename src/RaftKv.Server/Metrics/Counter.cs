using System.Runtime.InteropServices;

namespace RaftKv.Server.Metrics;

/// <summary>Counts what happens on many threads at once. Each processor counts in a cell of its own, so that counting is one
/// addition to a line that nobody else wants.</summary>
/// <example><code>
/// private readonly Counter _puts = new();
/// _puts.Add();
/// page.Counter("etcd_mvcc_put_total", "Puts that were applied.", _puts.Value);
/// </code></example>
public sealed class Counter
{
    internal static readonly int Stripes = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(Environment.ProcessorCount, 1, 16));

    private readonly Cell[] _cells = new Cell[Stripes];

    public long Value
    {
        get
        {
            var sum = 0L;
            foreach (ref var cell in _cells.AsSpan())
            {
                sum += Volatile.Read(ref cell.Count);
            }

            return sum;
        }
    }

    internal static int Stripe => Thread.GetCurrentProcessorId() & (Stripes - 1);

    public void Add(long amount = 1) => Interlocked.Add(ref _cells[Stripe].Count, amount);

    // Two lines, because processors fetch them in pairs.
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    private struct Cell
    {
        [FieldOffset(0)]
        public long Count;
    }
}
