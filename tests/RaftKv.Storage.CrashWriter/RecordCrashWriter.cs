using System.Buffers.Binary;
using System.Globalization;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.Records.Faster;

namespace RaftKv.Storage.CrashWriter;

/// <summary>
/// Puts records for ever, with checkpoints, compaction and reclaiming in between, and says of each checkpoint, once it is
/// durable and before anything older is let go of, what opens it and what must be there:
/// <code>
/// ready
/// checkpoint 4653…  120 4711      the token; revisions from 120 on and before 4711 are in it
/// </code>
/// </summary>
public static class RecordCrashWriter
{
    private const ulong Identity = 0xFEED;

    public static readonly FasterRecordStoreOptions Options = new()
    {
        LargestRecordBytes = 8 * 1024,
        MemoryBytes = 64 * 1024,
        IndexBytes = 64 * 1024,
        SegmentBytes = 128 * 1024,
        ReservedPages = 2,
    };

    public static void Run(string[] args)
    {
        var random = new Random(int.Parse(args[1], CultureInfo.InvariantCulture));
        var files = new PhysicalFileSystem();
        var isNew = args.Length == 2;
        using var store = isNew
            ? FasterRecordStore.Create(files, args[0], Identity, Options)
            : FasterRecordStore.Open(files, args[0], Identity, Convert.FromHexString(args[2]), Options);
        var oldest = isNew ? 1 : long.Parse(args[3], CultureInfo.InvariantCulture);
        var next = isNew ? 1 : long.Parse(args[4], CultureInfo.InvariantCulture);

        using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        output.WriteLine("ready");
        var checkpoint = default(IRecordCheckpoint);
        var covers = (Oldest: 0L, End: 0L);
        while (true)
        {
            for (var count = random.Next(200); count > 0; count--)
            {
                store.Put(new Revision(next, 0), RecordOf(next));
                next++;
            }

            if (checkpoint is null && random.Next(3) == 0)
            {
                covers = (oldest, next);
                checkpoint = store.BeginCheckpoint();
            }
            else if (checkpoint is not null && (checkpoint.IsDurable || random.Next(10) == 0))
            {
                checkpoint.Wait();
                output.WriteLine($"checkpoint {Convert.ToHexString(checkpoint.Token.Span)} {covers.Oldest} {covers.End}");
                store.ReleaseBefore(checkpoint.Token);
                checkpoint = null;
            }

            if (random.Next(3) == 0)
            {
                // A few thousand stay; one in 97 of the older ones, too, for ever.
                oldest = Math.Max(oldest, next - 3_000);
                store.ReclaimStep(random.Next(400_000), new Liveness(oldest));
            }
        }
    }

    public static bool IsForEver(long main) => main % 97 == 0;

    /// <summary>What a record holds follows from its revision.</summary>
    public static byte[] RecordOf(long main)
    {
        var record = new byte[main * 37 % 700];
        for (var i = 0; i + 8 <= record.Length; i += 8)
        {
            BinaryPrimitives.WriteInt64LittleEndian(record.AsSpan(i), (main << 16) ^ i);
        }

        return record;
    }

    private sealed class Liveness(long oldest) : IRecordLiveness
    {
        public bool IsLive(Revision revision, ReadOnlySpan<byte> record) => revision.Main >= oldest || IsForEver(revision.Main);
    }
}
