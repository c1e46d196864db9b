using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;

namespace RaftKv.Server.Peers;

/// <summary>
/// The bytes of a batch of messages: the body of a frame.
/// <code>
///   0         1          5         9
///   +---------+----------+---------+---------+---------+---
///   | version | messages | entries | message | message | …
///   +---------+----------+---------+---------+---------+---
///
///   message: kind and two marks (1), mask (1), then what the mask names, in this order:
///     1  term                       4  hint (term, index)      16  token
///     2  position (term, index)     8  commit                  32  entries    64  snapshot
///
///   entries: how many, then each: head (1), [term], [index], length, payload
///     head: the kind of entry in the lower four bits; 16 if the term is that of the entry before; 32 if the index is
///     one more than that of the entry before. Before the first entry stands the message's position.
///
///   snapshot: term, index, leaves automatically (1), then voters, outgoing, learners and learners next:
///     how many, then each (8)
/// </code>
/// Numbers are <see cref="WireReader.Number"/>s, but for the counts in front and member ids, which are random 64-bit
/// numbers. What is zero is left out. There is exactly one form for each batch, and the reader takes no other, so nothing
/// can hide in the bytes and whatever was read is written again as it was. Sender and receiver are not in the bytes: the
/// connection knows them, and nobody can pretend.
/// <para>An append of one entry costs about eight bytes beside the payload, a heartbeat five.</para>
/// </summary>
internal static class MessageCodec
{
    public const byte Version = 1;

    public const int BatchHeaderBytes = 9;

    private const byte RejectedMark = 0x40;
    private const byte TransferMark = 0x80;
    private const byte KindBits = 0x3F;

    private const byte HasTerm = 1;
    private const byte HasPosition = 2;
    private const byte HasHint = 4;
    private const byte HasCommit = 8;
    private const byte HasToken = 16;
    private const byte HasEntries = 32;
    private const byte HasSnapshot = 64;
    private const byte UnknownFields = 128;

    private const byte EntryKindBits = 0x0F;
    private const byte SameTerm = 16;
    private const byte NextIndex = 32;
    private const byte UnknownEntryMarks = 0xC0;

    // Kind, mask and length of an entry or message at the least.
    private const int MinMessageBytes = 2;
    private const int MinEntryBytes = 2;

    // Head, term, index, length.
    private const int MaxEntryHeaderBytes = 1 + (3 * WireWriter.MaxNumberBytes);

    // Kind, mask, and up to eight numbers and a count.
    private const int MaxMessageHeaderBytes = 2 + (9 * WireWriter.MaxNumberBytes);

    /// <summary>No message takes more bytes than this says.</summary>
    public static long BoundOf(in Message message)
    {
        long bytes = MaxMessageHeaderBytes;
        foreach (ref readonly var entry in message.Entries.Span)
        {
            bytes += MaxEntryHeaderBytes + entry.Payload.Length;
        }

        if (message.Snapshot is { Config: { } config })
        {
            bytes += (6 * WireWriter.MaxNumberBytes) + 1 + (sizeof(ulong)
                * (config.Voters.Length + config.Outgoing.Length + config.Learners.Length + config.LearnersNext.Length));
        }

        return bytes;
    }

    public static void WriteBatchHeader(Span<byte> bytes, int messages, int entries)
    {
        var writer = new WireWriter(bytes);
        writer.Byte(Version);
        writer.Fixed32((uint)messages);
        writer.Fixed32((uint)entries);
    }

    /// <summary>Writes one message into room of at least <see cref="BoundOf"/>; returns the bytes taken.</summary>
    public static int Write(in Message message, Span<byte> bytes)
    {
        var writer = new WireWriter(bytes);
        writer.Byte((byte)((byte)message.Kind
            | (message.IsRejected ? RejectedMark : 0)
            | (message.IsTransfer ? TransferMark : 0)));
        writer.Byte((byte)((message.Term != 0 ? HasTerm : 0)
            | (message.Position != LogPosition.Zero ? HasPosition : 0)
            | (message.Hint != LogPosition.Zero ? HasHint : 0)
            | (message.Commit != 0 ? HasCommit : 0)
            | (message.Token != 0 ? HasToken : 0)
            | (message.Entries.Length != 0 ? HasEntries : 0)
            | (message.Snapshot is not null ? HasSnapshot : 0)));
        if (message.Term != 0)
        {
            writer.Number(message.Term);
        }

        if (message.Position != LogPosition.Zero)
        {
            Write(ref writer, message.Position);
        }

        if (message.Hint != LogPosition.Zero)
        {
            Write(ref writer, message.Hint);
        }

        if (message.Commit != 0)
        {
            writer.Number(message.Commit);
        }

        if (message.Token != 0)
        {
            writer.Number(message.Token);
        }

        if (message.Entries.Length != 0)
        {
            Write(ref writer, message.Position, message.Entries.Span);
        }

        if (message.Snapshot is { } snapshot)
        {
            Write(ref writer, snapshot);
        }

        return writer.Position;
    }

    /// <summary>Reads a batch. Payloads are slices of <paramref name="body"/>, which must stay as it is if there are
    /// entries in it.</summary>
    /// <param name="body">The body of a frame.</param>
    /// <param name="from">Who is at the other end.</param>
    /// <param name="to">Who reads.</param>
    /// <param name="batch">Takes the messages, behind those that it holds.</param>
    /// <exception cref="PeerProtocolException">The bytes are not a batch of messages.</exception>
    public static void Read(ReadOnlyMemory<byte> body, NodeId from, NodeId to, List<Message> batch)
    {
        var reader = new WireReader(body.Span);
        var version = reader.Byte();
        if (version != Version)
        {
            throw new PeerProtocolException($"Messages are in format {version}; this member reads format {Version}.");
        }

        // Both counts are believed only as far as bytes are there for them, before memory is taken.
        var messages = reader.Fixed32();
        var entries = reader.Fixed32();
        if (messages > reader.Remaining / MinMessageBytes || entries > reader.Remaining / MinEntryBytes)
        {
            throw new PeerProtocolException(
                $"{messages} messages with {entries} entries are announced in {reader.Remaining} bytes.");
        }

        var all = entries == 0 ? default : new Memory<Entry>(new Entry[entries]);
        for (var i = 0u; i < messages; i++)
        {
            batch.Add(ReadMessage(ref reader, body, from, to, ref all));
        }

        if (reader.Remaining > 0)
        {
            throw new PeerProtocolException($"{reader.Remaining} bytes stand behind the last message.");
        }

        if (all.Length > 0)
        {
            throw new PeerProtocolException($"{all.Length} of the announced entries are in no message.");
        }
    }

    private static void Write(ref WireWriter writer, LogPosition position)
    {
        writer.Number(position.Term);
        writer.Number(position.Index);
    }

    private static void Write(ref WireWriter writer, LogPosition before, ReadOnlySpan<Entry> entries)
    {
        writer.Number((ulong)entries.Length);
        foreach (ref readonly var entry in entries)
        {
            var sameTerm = entry.Term == before.Term;
            var nextIndex = entry.Index == unchecked(before.Index + 1);
            writer.Byte((byte)((byte)entry.Kind | (sameTerm ? SameTerm : 0) | (nextIndex ? NextIndex : 0)));
            if (!sameTerm)
            {
                writer.Number(entry.Term);
            }

            if (!nextIndex)
            {
                writer.Number(entry.Index);
            }

            writer.Number((ulong)entry.Payload.Length);
            writer.Bytes(entry.Payload.Span);
            before = entry.Position;
        }
    }

    private static void Write(ref WireWriter writer, Snapshot snapshot)
    {
        Write(ref writer, snapshot.Position);
        writer.Byte(snapshot.Config.LeavesAutomatically ? (byte)1 : (byte)0);
        Write(ref writer, snapshot.Config.Voters);
        Write(ref writer, snapshot.Config.Outgoing);
        Write(ref writer, snapshot.Config.Learners);
        Write(ref writer, snapshot.Config.LearnersNext);
    }

    private static void Write(ref WireWriter writer, ReadOnlySpan<NodeId> members)
    {
        writer.Number((ulong)members.Length);
        foreach (var member in members)
        {
            writer.Fixed64(member.Value);
        }
    }

    private static Message ReadMessage(
        ref WireReader reader, ReadOnlyMemory<byte> body, NodeId from, NodeId to, ref Memory<Entry> entries)
    {
        var head = reader.Byte();
        var kind = (MessageKind)(head & KindBits);
        if (!IsKnown(kind))
        {
            throw new PeerProtocolException($"A message is of kind {(byte)kind}, which is unknown here.");
        }

        var fields = reader.Byte();
        if ((fields & UnknownFields) != 0)
        {
            throw new PeerProtocolException($"A {kind} message has a field that is unknown here.");
        }

        var term = (fields & HasTerm) != 0 ? ReadPresent(ref reader) : 0;
        var position = (fields & HasPosition) != 0 ? ReadPresentPosition(ref reader) : LogPosition.Zero;
        return new Message
        {
            Kind = kind,
            From = from,
            To = to,
            IsRejected = (head & RejectedMark) != 0,
            IsTransfer = (head & TransferMark) != 0,
            Term = term,
            Position = position,
            Hint = (fields & HasHint) != 0 ? ReadPresentPosition(ref reader) : LogPosition.Zero,
            Commit = (fields & HasCommit) != 0 ? ReadPresent(ref reader) : 0,
            Token = (fields & HasToken) != 0 ? ReadPresent(ref reader) : 0,
            Entries = (fields & HasEntries) != 0 ? ReadEntries(ref reader, body, position, ref entries) : default,
            Snapshot = (fields & HasSnapshot) != 0 ? ReadSnapshot(ref reader) : null,
        };
    }

    private static bool IsKnown(MessageKind kind) => kind
        is MessageKind.Append or MessageKind.AppendResponse or MessageKind.Heartbeat or MessageKind.HeartbeatResponse
        or MessageKind.InstallSnapshot or MessageKind.PreVote or MessageKind.PreVoteResponse or MessageKind.Vote
        or MessageKind.VoteResponse or MessageKind.TimeoutNow or MessageKind.TransferLeadership or MessageKind.Propose
        or MessageKind.ReadIndex or MessageKind.ReadIndexResponse;

    private static ulong ReadPresent(ref WireReader reader)
    {
        var number = reader.Number();
        return number != 0 ? number : throw new PeerProtocolException("A field that is zero should have been left out.");
    }

    private static LogPosition ReadPosition(ref WireReader reader)
    {
        var term = reader.Number();
        return new LogPosition(term, reader.Number());
    }

    private static LogPosition ReadPresentPosition(ref WireReader reader)
    {
        var position = ReadPosition(ref reader);
        return position != LogPosition.Zero
            ? position
            : throw new PeerProtocolException("A position that is zero should have been left out.");
    }

    private static ReadOnlyMemory<Entry> ReadEntries(
        ref WireReader reader, ReadOnlyMemory<byte> body, LogPosition before, ref Memory<Entry> room)
    {
        var count = reader.Number();
        if (count == 0 || count > (ulong)room.Length)
        {
            throw new PeerProtocolException($"A message has {count} entries where {room.Length} are left of those announced.");
        }

        var entries = room[..(int)count];
        room = room[(int)count..];
        foreach (ref var entry in entries.Span)
        {
            entry = ReadEntry(ref reader, body, before);
            before = entry.Position;
        }

        return entries;
    }

    private static Entry ReadEntry(ref WireReader reader, ReadOnlyMemory<byte> body, LogPosition before)
    {
        var head = reader.Byte();
        var kind = (EntryKind)(head & EntryKindBits);
        if ((head & UnknownEntryMarks) != 0 || kind > EntryKind.ConfigChange)
        {
            throw new PeerProtocolException($"An entry's head is {head}, which is unknown here.");
        }

        var expected = unchecked(before.Index + 1);
        var term = (head & SameTerm) != 0 ? before.Term : reader.Number();
        var index = (head & NextIndex) != 0 ? expected : reader.Number();
        if (((head & SameTerm) == 0 && term == before.Term) || ((head & NextIndex) == 0 && index == expected))
        {
            throw new PeerProtocolException("An entry spells out what follows from the entry before it.");
        }

        var length = reader.Count();
        var payload = body.Slice(reader.Position, length);
        reader.Take(length);
        return new Entry(term, index, kind, payload);
    }

    private static Snapshot ReadSnapshot(ref WireReader reader)
    {
        var position = ReadPosition(ref reader);
        var leaves = reader.Byte();
        var voters = ReadMembers(ref reader);
        var outgoing = ReadMembers(ref reader);
        var learners = ReadMembers(ref reader);
        var learnersNext = ReadMembers(ref reader);

        // What the configuration would otherwise find out for itself, but as a mistake of ours.
        var isSound = leaves <= 1
            && (leaves == 0 || outgoing.Length > 0)
            && (voters.Length > 0 || (outgoing.Length == 0 && learners.Length == 0 && learnersNext.Length == 0))
            && !Overlap(learners, voters)
            && !Overlap(learners, outgoing)
            && !Overlap(learnersNext, voters)
            && Array.TrueForAll(learnersNext, member => Array.BinarySearch(outgoing, member) >= 0);
        return isSound
            ? new Snapshot(position, ClusterConfig.Restore(voters, outgoing, learners, learnersNext, leaves == 1))
            : throw new PeerProtocolException("A snapshot's configuration contradicts itself.");
    }

    private static NodeId[] ReadMembers(ref WireReader reader)
    {
        var count = reader.Number();
        if (count > (ulong)(reader.Remaining / sizeof(ulong)))
        {
            throw new PeerProtocolException($"A configuration announces {count} members in {reader.Remaining} bytes.");
        }

        var members = new NodeId[count];
        var last = NodeId.None;
        foreach (ref var member in members.AsSpan())
        {
            member = new NodeId(reader.Fixed64());
            if (member.CompareTo(last) <= 0)
            {
                throw new PeerProtocolException("The members of a configuration are not in order.");
            }

            last = member;
        }

        return members;
    }

    // Both are in order.
    private static bool Overlap(NodeId[] some, NodeId[] others)
    {
        int i = 0, j = 0;
        while (i < some.Length && j < others.Length)
        {
            var order = some[i].CompareTo(others[j]);
            if (order == 0)
            {
                return true;
            }

            (i, j) = order < 0 ? (i + 1, j) : (i, j + 1);
        }

        return false;
    }
}
