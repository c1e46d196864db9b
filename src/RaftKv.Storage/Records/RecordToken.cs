using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Records;

/// <summary>
/// What the tokens of all kinds of record store have in common: who made it, in which format, and a sum over it.
/// </summary>
/// <remarks>
/// <code>
///   0      4        8                          length - 4
///   +------+--------+--------------------------+--------+
///   | mark | format | what the store has to say| crc32c |
///   +------+--------+--------------------------+--------+
/// </code>
/// </remarks>
internal static class RecordToken
{
    /// <summary>A token of which only the middle is missing.</summary>
    public static byte[] Begin(uint mark, uint format, int length)
    {
        var token = new byte[length];
        BinaryPrimitives.WriteUInt32LittleEndian(token, mark);
        BinaryPrimitives.WriteUInt32LittleEndian(token.AsSpan(4), format);
        return token;
    }

    /// <summary>Writes the sum, when everything else is there.</summary>
    public static void Seal(Span<byte> token)
        => BinaryPrimitives.WriteUInt32LittleEndian(token[^sizeof(uint)..], Crc32C.Of(token[..^sizeof(uint)]));

    /// <summary>Whether the middle is to be believed; if not, why.</summary>
    public static bool IsWhole(
        ReadOnlySpan<byte> token, uint mark, uint format, int length, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        if (token.Length != length || BinaryPrimitives.ReadUInt32LittleEndian(token) != mark)
        {
            problem = $"{token.Length} bytes that are no token of this kind of store";
        }
        else if (BinaryPrimitives.ReadUInt32LittleEndian(token[4..]) is var found && found != format)
        {
            problem = $"a token of format {found}";
        }
        else if (BinaryPrimitives.ReadUInt32LittleEndian(token[^sizeof(uint)..]) != Crc32C.Of(token[..^sizeof(uint)]))
        {
            problem = "a token that does not agree with its own sum";
        }

        return problem is null;
    }
}
