using System.Buffers.Binary;

namespace RaftKv.Simulation.Members;

internal enum OperationKind : byte
{
    Read,
    Write,

    /// <summary>Compare and set: writes the value if the register holds the expected one.</summary>
    Swap,
}

/// <summary>One attempt of a client's operation. A client has one operation under way at a time and numbers them; an
/// attempt that is made again carries the same number.</summary>
internal readonly record struct Request(
    int Client, uint Number, int Attempt, OperationKind Kind, byte Key, ulong Value, ulong Expected)
{
    public const int Bytes = 4 + 4 + 1 + 1 + 8 + 8;

    public void Encode(Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Client);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], Number);
        bytes[8] = (byte)Kind;
        bytes[9] = Key;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[10..], Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[18..], Expected);
    }

    public static Request Decode(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadInt32LittleEndian(bytes),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
        Attempt: 0,
        (OperationKind)bytes[8],
        bytes[9],
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[10..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[18..]));
}

/// <summary>What a register answered: for a read what it holds; for a swap what it held before.</summary>
internal readonly record struct Result(bool IsDone, ulong Value);

/// <summary>The answer to one attempt.</summary>
/// <param name="Client">Whose.</param>
/// <param name="Number">Of the operation.</param>
/// <param name="Attempt">Which attempt is answered; late answers of earlier ones count as well.</param>
/// <param name="IsRefused">Definitely not carried out by this attempt.</param>
/// <param name="Result">If not refused.</param>
internal readonly record struct Response(int Client, uint Number, int Attempt, bool IsRefused, Result Result);
