using System.Globalization;
using RaftKv.Raft.Log;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Wal;

/// <summary>
/// Looks at a log without owning it and without changing it: what <c>raftkv wal dump</c> and <c>raftkv wal verify</c>
/// print. On the log of a running member the end may look torn, for it is being written.
/// </summary>
public static class WalInspection
{
    /// <summary>Reads everything and judges it as a start would.</summary>
    /// <exception cref="WalDamagedException">A start would refuse it; names the place.</exception>
    public static WalReport Verify(IFileSystem files, string directory) => Dump(files, directory, static _ => { });

    /// <summary>Shows every record that counts, in the order in which it was written. Of a damaged log, those before the
    /// damage.</summary>
    /// <exception cref="WalDamagedException">After all records that can be shown.</exception>
    public static WalReport Dump(IFileSystem files, string directory, Action<WalRecordView> show)
    {
        var visitor = new Visitor(show);
        var recovered = WalRecovery.Read(files, directory, identity: 0, visitor);
        return new WalReport
        {
            Identity = recovered.Identity,
            HardState = recovered.HardState,
            Start = recovered.Start,
            Last = recovered.Last,
            Segments = recovered.Segments.ConvertAll(static segment => segment.Path),
            BatchCount = recovered.BatchCount,
            RecordCount = visitor.RecordCount,
            TornTail = recovered.TornTail,
            Leftovers = recovered.Leftovers,
        };
    }

    private sealed class Visitor(Action<WalRecordView> show) : IWalVisitor
    {
        private string _segment = "";
        private ulong _batch;

        public long RecordCount { get; private set; }

        public void OnSegment(string path, in WalSegmentHeader header) => _segment = Path.GetFileName(path);

        public void OnBatch(ulong sequence, long offset, int bytes) => _batch = sequence;

        public void OnRecord(in WalRecord record)
        {
            RecordCount++;
            show(new WalRecordView
            {
                Segment = _segment,
                Offset = record.Offset,
                Batch = _batch,
                Bytes = record.PaddedBytes,
                Sum = record.Sum,
                Content = Describe(record),
            });
        }

        private static string Describe(in WalRecord record) => record.Kind switch
        {
            WalRecordKind.Entry => $"entry {record.Position} {record.EntryKind}, {record.Payload.Length} bytes",
            WalRecordKind.HardState => string.Create(
                CultureInfo.InvariantCulture,
                $"hard state term {record.HardState.Term} vote {record.HardState.Vote} commit {record.HardState.Commit}"),
            WalRecordKind.Compacted => $"compacted through {record.Position}",
            WalRecordKind.Reset => $"reset to {record.Position}",
            _ => $"closed, continued in {WalFormat.SegmentName(record.NextSegment)}",
        };
    }
}

/// <summary>One record, for people.</summary>
public sealed record WalRecordView
{
    public required string Segment { get; init; }

    public required long Offset { get; init; }

    /// <summary>The number of the append that wrote it; appends are numbered through all segments.</summary>
    public required ulong Batch { get; init; }

    /// <summary>Header and padding included.</summary>
    public required int Bytes { get; init; }

    public required uint Sum { get; init; }

    /// <summary>What it says: <c>entry 3/17 Command, 256 bytes</c>.</summary>
    public required string Content { get; init; }

    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Segment} {Offset,10} batch {Batch} {Sum:x8} {Content}");
}

/// <summary>What a log holds, and in what condition it is.</summary>
public sealed record WalReport
{
    public required ulong Identity { get; init; }

    public required HardState HardState { get; init; }

    public required LogPosition Start { get; init; }

    public required LogPosition Last { get; init; }

    /// <summary>Paths, oldest first.</summary>
    public required IReadOnlyList<string> Segments { get; init; }

    public required long BatchCount { get; init; }

    public required long RecordCount { get; init; }

    /// <summary>What a start would cut off.</summary>
    public required TornTail? TornTail { get; init; }

    /// <summary>Names of files that a start would delete.</summary>
    public required IReadOnlyList<string> Leftovers { get; init; }
}
