// A process made to be killed: it writes a log on the real disk for ever and says after each append, once it is durable,
// how far it has come. Whoever kills it compares the log with the last line.
//
//   RaftKv.Storage.CrashWriter <directory> <seed>
//   RaftKv.Storage.CrashWriter records <directory> <seed> [<token> <oldest> <end>]      see RecordCrashWriter.cs
//
//   ready 2/17          what it found
//   appended 2/20 3     the last entry, and the term of the hard state
//   compacted 2/11
using System.Buffers.Binary;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.CrashWriter;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

const ulong Identity = 0xFEED;

if (args[0] == "records")
{
    RecordCrashWriter.Run(args[1..]);
    return;
}

var directory = args[0];
var random = new Random(int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture));
var files = new PhysicalFileSystem();
var options = new WalOptions { SegmentBytes = 256 * 1024, TailBytes = 4_096 };
using var log = WriteAheadLog.Exists(files, directory)
    ? WriteAheadLog.Open(files, directory, Identity, options)
    : WriteAheadLog.Create(files, directory, Identity, options);

using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
output.WriteLine($"ready {log.Last} {log.HardState.Term}");

// A second thread makes segments ready, as a member's would, so that it is killed at that as well.
var preparing = new Thread(() =>
{
    while (true)
    {
        if (!log.Prepare(64 * 1024))
        {
            Thread.Yield();
        }
    }
})
{
    IsBackground = true,
};
preparing.Start();

while (true)
{
    var state = log.HardState;
    var last = log.Last;
    if (last.Index > 200 && random.Next(40) == 0 && log.TryGetTerm(last.Index - 100, out var compactTerm) && last.Index - 100 <= state.Commit)
    {
        log.Compact(new LogPosition(compactTerm, last.Index - 100));
        output.WriteLine($"compacted {log.Start}");
        continue;
    }

    // Now and then a new term begins, and overwrites a few entries that were not committed.
    var newTerm = state.Term == 0 || random.Next(20) == 0;
    var term = newTerm ? state.Term + 1 : state.Term;
    var first = last.Index + 1;
    if (newTerm && last.Index > state.Commit)
    {
        first -= (ulong)random.Next((int)(last.Index - Math.Max(state.Commit, log.Start.Index)) + 1);
    }

    var entries = new Entry[random.Next(1, 20)];
    for (var i = 0; i < entries.Length; i++)
    {
        entries[i] = new Entry(term, first + (ulong)i, EntryKind.Command, Payload(term, first + (ulong)i));
    }

    var commit = Math.Max(state.Commit, first > 10 ? first - 10 : 0);
    log.Append(new WalBatch { HardState = new HardState(term, new NodeId(term % 3), Math.Min(commit, first - 1)), Entries = entries });
    output.WriteLine($"appended {log.Last} {term}");
}

// What an entry holds follows from its position, so that whoever reads it knows what it must be.
static byte[] Payload(ulong term, ulong index)
{
    var payload = new byte[index * 37 % 1_500];
    for (var i = 0; i + 8 <= payload.Length; i += 8)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(i), (term << 40) ^ (index << 16) ^ (ulong)i);
    }

    return payload;
}
