using RaftKv.Raft;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;

namespace RaftKv.Storage.Watch;

/// <summary>
/// One change, as every watcher that is told of it shares it. Its record was encoded when it was applied; what was before
/// it is looked up at most once while it is among the recent ones, whoever wants it.
/// </summary>
internal sealed class WatchEvent(Revision revision, ReadOnlyMemory<byte> record, bool isDelete)
{
    private byte[]? _before;

    public Revision Revision { get; } = revision;

    public ReadOnlyMemory<byte> Record { get; } = record;

    public bool IsDelete { get; } = isDelete;

    public ReadOnlySpan<byte> Key => RecordFormat.KeyOf(Record.Span);

    /// <summary>The record before it; empty if there is none to be had, null if that is not known.</summary>
    public byte[]? Before => Volatile.Read(ref _before);

    /// <summary>Whether <see cref="Before"/> is in the count of the recent changes. Under the hub's lock.</summary>
    public bool IsBeforeCounted { get; set; }

    /// <summary>Shares what was before with those who ask next. Whoever was first stays, also against one who could not
    /// find it any more.</summary>
    public void Remember(byte[] before) => Interlocked.CompareExchange(ref _before, before, null);

    /// <summary>Lets go of it again, so that an event that is not recent any more does not hold on to it.</summary>
    public void Forget() => Volatile.Write(ref _before, null);

    /// <summary>Looks up what the key was one main revision earlier.</summary>
    /// <returns>The record; empty if the key was not there, or if that is compacted.</returns>
    public byte[] LookUpBefore(KeySpaceView view, WatchFaults faults)
    {
        var main = Revision.Main - 1;
        if (main < view.Compacted || (!IsDelete && RecordFormat.Read(Record.Span).Version == 1))
        {
            return [];
        }

        if (faults.LooksUpBeforeTooLate)
        {
            main = view.Revision;
        }

        if (!view.Keys.TryFind(Key, main, out var before))
        {
            return [];
        }

        var sink = new OneRecord();
        var isThere = view.TryRead(before.Modified, sink);
        Invariant.Holds(isThere);
        return sink.Record;
    }

    private sealed class OneRecord : IRecordSink
    {
        public byte[] Record { get; private set; } = [];

        public void Accept(Revision revision, ReadOnlySpan<byte> record) => Record = record.ToArray();
    }
}

/// <summary>An event on its way to one stream.</summary>
/// <param name="Event">Which.</param>
/// <param name="Before">The record before it, once that was looked up; empty if there is none.</param>
internal readonly record struct TakenEvent(WatchEvent Event, byte[]? Before);
