using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RaftKv.Storage.Files;

/// <summary>
/// CRC-32C (Castagnoli, reflected, as in RFC 3720 B.4), by the processor's own instruction where it has one. Chosen for
/// that instruction, and because it finds every burst of up to 32 bits.
/// </summary>
public static class Crc32C
{
    /// <summary>The sum of some bytes; of "123456789" it is 0xE3069283.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes) => Continue(0, bytes);

    /// <summary>The sum of what <paramref name="sum"/> stands for, followed by <paramref name="bytes"/>.</summary>
    // At its best from the first call on: a start sums all there is on the disk before anything is found to be called often.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static uint Continue(uint sum, ReadOnlySpan<byte> bytes)
    {
        // The register is kept inverted between calls, so that leading zeros count.
        var register = ~sum;
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
        {
            register = BitOperations.Crc32C(
                register, BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word));
        }

        foreach (var rest in bytes[(words.Length * sizeof(ulong))..])
        {
            register = BitOperations.Crc32C(register, rest);
        }

        return ~register;
    }

    /// <summary>The sum continued by one number, as its eight little-endian bytes.</summary>
    public static uint Continue(uint sum, ulong number) => ~BitOperations.Crc32C(~sum, number);

    /// <summary>The sum continued by one number, as its four little-endian bytes.</summary>
    public static uint Continue(uint sum, uint number) => ~BitOperations.Crc32C(~sum, number);
}
