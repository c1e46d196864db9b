using System.Buffers;
using System.Buffers.Binary;

namespace RaftKv.Storage.State;

/// <summary>
/// What stands before a command in the log: who waits for its answer, and on whose behalf it is carried out.
/// <code>
///   0       1            9
///   +-------+------------+-------------------+---------------------------+------+---------
///   | flags | request id | caller, if flag 1 | client's request, if flag 2 | kind | command …
///   +-------+------------+-------------------+---------------------------+------+---------
/// </code>
/// </summary>
/// <param name="RequestId">Chosen by the member that was asked, unique among all that are under way anywhere; 0 if nobody
/// waits.</param>
/// <param name="Caller">Whose rights are judged when it is applied.</param>
/// <param name="Command">The kind and the command's own bytes. Borrowed from the entry.</param>
public readonly record struct CommandEnvelope(ulong RequestId, Caller Caller, ReadOnlyMemory<byte> Command)
{
    private const byte HasCaller = 1;
    private const byte HasClientRequest = 2;
    private const int FixedBytes = 1 + sizeof(ulong);

    // The log's tail keeps payloads for a while.
    [ThreadStatic]
    private static KeptBytes? _room;

    /// <summary>What the client calls the request; none for most.</summary>
    public ClientRequest ClientRequest { get; init; }

    /// <summary>Writes all of a payload but the command, which the caller of this appends.</summary>
    public static void WriteStart(IBufferWriter<byte> to, ulong requestId, Caller caller, in ClientRequest clientRequest = default)
    {
        var start = to.GetSpan(FixedBytes);
        start[0] = (byte)((caller.IsNobody ? 0 : HasCaller) | (clientRequest.IsNone ? 0 : HasClientRequest));
        BinaryPrimitives.WriteUInt64LittleEndian(start[1..], requestId);
        to.Advance(FixedBytes);
        if (!caller.IsNobody)
        {
            caller.WriteTo(new StateWriter(to));
        }

        if (!clientRequest.IsNone)
        {
            clientRequest.WriteTo(new StateWriter(to));
        }
    }

    /// <summary>A payload with a command whose bytes come from elsewhere: a client's own request.</summary>
    public static ReadOnlyMemory<byte> Encode(
        ulong requestId, Caller caller, CommandKind kind, ReadOnlySpan<byte> command, in ClientRequest clientRequest = default)
    {
        if (caller.IsNobody && clientRequest.IsNone)
        {
            var payload = (_room ??= new KeptBytes()).Take(FixedBytes + 1 + command.Length);
            var bytes = payload.Span;
            bytes[0] = 0;
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[1..], requestId);
            bytes[FixedBytes] = (byte)kind;
            command.CopyTo(bytes[(FixedBytes + 1)..]);
            return payload;
        }

        var to = new ArrayBufferWriter<byte>(64 + command.Length);
        WriteStart(to, requestId, caller, clientRequest);
        to.GetSpan(1)[0] = (byte)kind;
        to.Advance(1);
        to.Write(command);
        return to.WrittenSpan.ToArray();
    }

    /// <summary>A payload with a command of ours.</summary>
    public static byte[] Encode<T>(ulong requestId, Caller caller, in T command)
        where T : Commands.IStateCommand<T>
    {
        var to = new ArrayBufferWriter<byte>();
        WriteStart(to, requestId, caller);
        Commands.StateCommand.Encode(command, to);
        return to.WrittenSpan.ToArray();
    }

    /// <summary>The key that a payload is about to put, if that can be seen at a glance: nobody's name in front, and the
    /// key as the first field, where every client puts it.</summary>
    internal static bool TryPeekKey(ReadOnlyMemory<byte> payload, out ReadOnlyMemory<byte> key)
    {
        const int field = FixedBytes + 1;
        const byte keyTag = 1 << 3 | 2;
        var bytes = payload.Span;
        key = default;
        if (bytes.Length < field + 2 || bytes[0] != 0 || bytes[FixedBytes] != (byte)CommandKind.Put || bytes[field] != keyTag)
        {
            return false;
        }

        int length = bytes[field + 1];
        var start = field + 2;
        if (length >= 0x80)
        {
            if (bytes.Length == start || bytes[start] >= 0x80)
            {
                return false;
            }

            length = (length & 0x7f) | (bytes[start] << 7);
            start++;
        }

        if (length == 0 || length > bytes.Length - start)
        {
            return false;
        }

        key = payload.Slice(start, length);
        return true;
    }

    /// <summary>The lease that a payload revokes, if it does that. Cheap for all that do something else.</summary>
    public static bool TryPeekRevocation(ReadOnlySpan<byte> payload, out long lease)
    {
        lease = 0;
        if (payload.Length <= FixedBytes || (payload[0] == 0 && payload[FixedBytes] != (byte)CommandKind.LeaseRevoke))
        {
            return false;
        }

        try
        {
            var reader = new StateReader(payload, "command envelope");
            var flags = reader.Byte();
            reader.Id();
            if ((flags & HasCaller) != 0)
            {
                Caller.Skip(ref reader);
            }

            if ((flags & HasClientRequest) != 0)
            {
                ClientRequest.ReadFrom(ref reader);
            }

            if (reader.Byte() != (byte)CommandKind.LeaseRevoke)
            {
                return false;
            }

            lease = Commands.LeaseRevokeCommand.ReadBody(ref reader).Id;
            return true;
        }
        catch (StateFormatException)
        {
            return false; // Whoever is to apply it says what is wrong.
        }
    }

    /// <summary>The request id alone, of a payload that was made here.</summary>
    public static ulong RequestIdOf(ReadOnlySpan<byte> payload) => BinaryPrimitives.ReadUInt64LittleEndian(payload[1..]);

    /// <exception cref="StateFormatException">This is not the payload of a command.</exception>
    public static CommandEnvelope Decode(ReadOnlyMemory<byte> payload)
    {
        var reader = new StateReader(payload.Span, "command envelope");
        var flags = reader.Byte();
        if ((flags & ~(HasCaller | HasClientRequest)) != 0)
        {
            reader.FailAt(0, $"its flags are {flags}.");
        }

        var requestId = reader.Id();
        var caller = (flags & HasCaller) != 0 ? Caller.ReadFrom(ref reader) : Caller.Nobody;
        var clientRequest = (flags & HasClientRequest) != 0 ? ClientRequest.ReadFrom(ref reader) : default;
        return new CommandEnvelope(requestId, caller, payload[reader.Offset..]) { ClientRequest = clientRequest };
    }
}
