using System.Buffers;
using System.Text;
using RaftKv.Raft;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Watch;

/// <summary>One response of a stream, but for its header; and its bytes, those of an <c>etcdserverpb.WatchResponse</c>,
/// fields in the order of their numbers, zeros left out.</summary>
internal struct StreamResponse
{
    private const byte HeaderTag = 1 << 3 | 2;
    private const byte WatchIdTag = 2 << 3;
    private const byte CreatedTag = 3 << 3;
    private const byte CanceledTag = 4 << 3;
    private const byte CompactRevisionTag = 5 << 3;
    private const byte CancelReasonTag = 6 << 3 | 2;
    private const byte FragmentTag = 7 << 3;
    private const byte EventTag = 11 << 3 | 2;
    private const byte RevisionTag = 3 << 3;
    private const byte EventTypeTag = 1 << 3;
    private const byte EventKvTag = 2 << 3 | 2;
    private const byte EventPrevKvTag = 3 << 3 | 2;

    /// <summary>What it costs to say that more parts follow.</summary>
    public const int FragmentMarkBytes = 2;

    // What stands in an event around its records: tags, type and lengths.
    private const int MaxEventHeadBytes = 32;

    // Responses up to this size are written into one span.
    private const int OneSpanBytes = 4096;

    public long WatchId { get; init; }

    /// <summary>Of the header.</summary>
    public long Revision { get; init; }

    public bool IsCreated { get; init; }

    public bool IsCanceled { get; init; }

    public long CompactRevision { get; init; }

    public string? CancelReason { get; init; }

    /// <summary>Whether it may be split.</summary>
    public bool AllowsFragments { get; init; }

    /// <summary>Whether what was before its events must be looked up first.</summary>
    public bool NeedsBefore { get; set; }

    /// <summary>Its events, among those the stream has taken.</summary>
    public int FirstEvent { get; init; }

    public int EventCount { get; init; }

    /// <summary>How many of its events are already on their way in fragments.</summary>
    public int SentEvents { get; set; }

    /// <summary>The size of an event with its tag and length.</summary>
    public static int BytesOf(in TakenEvent taken)
    {
        var body = BodyOf(taken);
        return 1 + RecordFormat.VarintBytes((ulong)body) + body;
    }

    /// <summary>The size of the response without events.</summary>
    public readonly int PreludeBytes(WatchHeader header)
    {
        var head = HeaderBytes(header);
        return 1 + RecordFormat.VarintBytes((ulong)head) + head
            + NumberBytes(WatchId) + (IsCreated ? 2 : 0) + (IsCanceled ? 2 : 0) + NumberBytes(CompactRevision)
            + (CancelReason is null ? 0 : Block(Encoding.UTF8.GetByteCount(CancelReason)));
    }

    /// <summary>Writes the response, or one part of it.</summary>
    /// <param name="header">What else is in the header.</param>
    /// <param name="isFragment">Whether more parts follow.</param>
    /// <param name="events">The events of this part.</param>
    /// <param name="bytes">The size of all, computed before.</param>
    /// <param name="output">Where to.</param>
    public readonly void Write(
        WatchHeader header, bool isFragment, ReadOnlySpan<TakenEvent> events, long bytes, IBufferWriter<byte> output)
    {
        if (bytes <= OneSpanBytes)
        {
            var span = output.GetSpan((int)bytes);
            var at = WritePrelude(span, header, isFragment);
            foreach (ref readonly var taken in events)
            {
                at += WriteEventHead(span[at..], taken);
                taken.Event.Record.Span.CopyTo(span[at..]);
                at += taken.Event.Record.Length;
                if (taken.Before is { Length: > 0 } before)
                {
                    at += WriteBeforeHead(span[at..], before.Length);
                    before.CopyTo(span[at..]);
                    at += before.Length;
                }
            }

            Invariant.Holds(at == bytes);
            output.Advance(at);
            return;
        }

        var written = (long)WritePrelude(output.GetSpan(PreludeBytes(header) + FragmentMarkBytes), header, isFragment);
        output.Advance((int)written);
        foreach (ref readonly var taken in events)
        {
            var head = WriteEventHead(output.GetSpan(MaxEventHeadBytes), taken);
            output.Advance(head);
            output.Write(taken.Event.Record.Span);
            written += head + taken.Event.Record.Length;
            if (taken.Before is { Length: > 0 } before)
            {
                head = WriteBeforeHead(output.GetSpan(MaxEventHeadBytes), before.Length);
                output.Advance(head);
                output.Write(before);
                written += head + before.Length;
            }
        }

        Invariant.Holds(written == bytes);
    }

    private readonly int HeaderBytes(WatchHeader header)
        => header.BeforeRevision.Length + NumberBytes(Revision) + header.AfterRevision.Length;

    private readonly int WritePrelude(Span<byte> to, WatchHeader header, bool isFragment)
    {
        to[0] = HeaderTag;
        var at = 1 + RecordFormat.WriteVarint(to[1..], (ulong)HeaderBytes(header));
        header.BeforeRevision.CopyTo(to[at..]);
        at += header.BeforeRevision.Length;
        at += WriteNumber(to[at..], RevisionTag, Revision);
        header.AfterRevision.CopyTo(to[at..]);
        at += header.AfterRevision.Length;

        at += WriteNumber(to[at..], WatchIdTag, WatchId);
        at += WriteNumber(to[at..], CreatedTag, IsCreated ? 1 : 0);
        at += WriteNumber(to[at..], CanceledTag, IsCanceled ? 1 : 0);
        at += WriteNumber(to[at..], CompactRevisionTag, CompactRevision);
        if (CancelReason is not null)
        {
            to[at++] = CancelReasonTag;
            at += RecordFormat.WriteVarint(to[at..], (ulong)Encoding.UTF8.GetByteCount(CancelReason));
            at += Encoding.UTF8.GetBytes(CancelReason, to[at..]);
        }

        return at + WriteNumber(to[at..], FragmentTag, isFragment ? 1 : 0);
    }

    private static int WriteEventHead(Span<byte> to, in TakenEvent taken)
    {
        to[0] = EventTag;
        var at = 1 + RecordFormat.WriteVarint(to[1..], (ulong)BodyOf(taken));
        at += WriteNumber(to[at..], EventTypeTag, taken.Event.IsDelete ? 1 : 0);
        to[at++] = EventKvTag;
        return at + RecordFormat.WriteVarint(to[at..], (ulong)taken.Event.Record.Length);
    }

    private static int WriteBeforeHead(Span<byte> to, int bytes)
    {
        to[0] = EventPrevKvTag;
        return 1 + RecordFormat.WriteVarint(to[1..], (ulong)bytes);
    }

    private static int BodyOf(in TakenEvent taken)
        => (taken.Event.IsDelete ? 2 : 0) + Block(taken.Event.Record.Length)
            + (taken.Before is { Length: > 0 } before ? Block(before.Length) : 0);

    private static int Block(int bytes) => 1 + RecordFormat.VarintBytes((ulong)bytes) + bytes;

    private static int NumberBytes(long number) => number == 0 ? 0 : 1 + RecordFormat.VarintBytes((ulong)number);

    private static int WriteNumber(Span<byte> to, byte tag, long number)
    {
        if (number == 0)
        {
            return 0;
        }

        to[0] = tag;
        return 1 + RecordFormat.WriteVarint(to[1..], (ulong)number);
    }
}
