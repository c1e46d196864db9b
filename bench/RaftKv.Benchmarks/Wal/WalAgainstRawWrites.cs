using System.Diagnostics;
using System.Globalization;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

namespace RaftKv.Benchmarks.Wal;

/// <summary>
/// What does the log add to the disk? Appends entries of 256 bytes, and beside them, in turns of a few dozen so that both
/// meet the same weather, writes the same payload bytes raw: one write and one fdatasync each.
/// </summary>
/// <remarks>
/// <code>dotnet run -c Release --project bench/RaftKv.Benchmarks -- plain wal [folder]</code>
/// <para>The raw file is laid out as the log's is: zeros written ahead ("prepared") or blocks only reserved
/// ("reserved"). Sketch: framing a batch adds 64 bytes and each entry 32, one copy and one checksum over all of it at
/// several GB/s: microseconds beside a sync of a tenth of a millisecond. So the ratio should be near 1.</para>
/// </remarks>
internal static class WalAgainstRawWrites
{
    private const int PayloadBytes = 256;
    private const int Turn = 40;
    private const int Turns = 30;
    private const int WarmUpTurns = 3;
    private const int SegmentBytes = 64 * 1024 * 1024;

    public static void Run(string folder)
    {
        Console.WriteLine("layout    batch   log p50 / p99 / mean us   raw p50 / p99 / mean us   log/raw p50  mean   allocated B/append");
        foreach (var isPrepared in (bool[])[true, false])
        {
            foreach (var batch in (int[])[1, 16, 128])
            {
                Compare(folder, batch, isPrepared);
            }
        }
    }

    private static void Compare(string parent, int batch, bool isPrepared)
    {
        var folder = Path.Join(parent, $"raftkv-wal-{Environment.ProcessId}");
        Directory.CreateDirectory(folder);
        try
        {
            var files = new PhysicalFileSystem();
            using var log = WriteAheadLog.Create(files, folder, identity: 1, new WalOptions { SegmentBytes = SegmentBytes });
            var appender = new Appender(log, batch);
            if (isPrepared)
            {
                while (log.Prepare())
                {
                }

                appender.FillSegment();
            }

            using var raw = files.CreateFile(Path.Join(folder, "raw"));
            LayOut(raw, isPrepared);
            var bytes = new byte[PayloadBytes * batch];
            bytes.AsSpan().Fill(0x5A);

            var logTimes = new List<double>();
            var rawTimes = new List<double>();
            var offset = 0L;
            var allocated = 0L;
            for (var turn = 0; turn < Turns + WarmUpTurns; turn++)
            {
                if (turn == WarmUpTurns)
                {
                    logTimes.Clear();
                    rawTimes.Clear();
                    allocated = -GC.GetAllocatedBytesForCurrentThread();
                }

                for (var i = 0; i < Turn; i++)
                {
                    var started = Stopwatch.GetTimestamp();
                    appender.Append();
                    logTimes.Add(Stopwatch.GetElapsedTime(started).TotalMicroseconds);
                }

                for (var i = 0; i < Turn; i++)
                {
                    var started = Stopwatch.GetTimestamp();
                    raw.WriteAt(offset, bytes);
                    raw.Sync();
                    rawTimes.Add(Stopwatch.GetElapsedTime(started).TotalMicroseconds);
                    offset += bytes.Length;
                }
            }

            allocated += GC.GetAllocatedBytesForCurrentThread();
            var logBytes = appender.PayloadBytesWritten;
            log.Dispose();
            var opening = Stopwatch.GetTimestamp();
            using var reopened = WriteAheadLog.Open(files, folder, identity: 1);
            var opened = Stopwatch.GetElapsedTime(opening);
            var (one, other) = (Summary.Of(logTimes), Summary.Of(rawTimes));
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{(isPrepared ? "prepared" : "reserved"),-9} {batch,5}   {one,-24}  {other,-24}  {one.Median / other.Median,11:F2}  {one.Mean / other.Mean:F2}   {(double)allocated / logTimes.Count,10:F0}   open {logBytes >> 20} MiB: {opened.TotalMilliseconds:F0} ms"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void LayOut(IFile raw, bool isPrepared)
    {
        raw.Preallocate(SegmentBytes);
        if (isPrepared)
        {
            var zeros = new byte[1024 * 1024];
            for (var at = 0L; at < SegmentBytes; at += zeros.Length)
            {
                raw.WriteAt(at, zeros);
            }
        }

        raw.Sync();
    }

    private sealed class Appender(WriteAheadLog log, int batch)
    {
        private readonly Entry[] _entries = new Entry[batch];
        private readonly byte[] _payload = NonZero(PayloadBytes);
        private ulong _index = 1;

        public long PayloadBytesWritten { get; private set; }

        public void Append()
        {
            for (var i = 0; i < _entries.Length; i++)
            {
                PayloadBytesWritten += _payload.Length;
                _entries[i] = new Entry(1, _index++, EntryKind.Command, _payload);
            }

            log.Append(new WalBatch { HardState = new HardState(1, NodeId.None, _index - 1), Entries = _entries });
        }

        // Until the log has rolled into the segment that was prepared for it: one entry as large as what is left.
        public void FillSegment()
        {
            var filler = NonZero(SegmentBytes - (16 * 1024));
            log.Append(new WalBatch { Entries = [new Entry(1, _index++, EntryKind.Command, filler)] });
            PayloadBytesWritten += filler.Length;
            var segments = log.SegmentCount;
            while (log.SegmentCount == segments)
            {
                log.Append(new WalBatch { Entries = [new Entry(1, _index++, EntryKind.Command, _payload)] });
            }
        }

        private static byte[] NonZero(int count)
        {
            var bytes = new byte[count];
            bytes.AsSpan().Fill(0x5A);
            return bytes;
        }
    }

    private readonly record struct Summary(double Median, double NinetyNinth, double Mean)
    {
        public static Summary Of(List<double> times)
        {
            times.Sort();
            return new Summary(times[times.Count / 2], times[times.Count * 99 / 100], times.Average());
        }

        public override string ToString()
            => string.Create(CultureInfo.InvariantCulture, $"{Median:F0} / {NinetyNinth:F0} / {Mean:F0}");
    }
}
