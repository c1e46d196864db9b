using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RaftKv.Storage.Files;

/// <summary>
/// CRC-32C (Castagnoli, reflected, as in RFC 3720 B.4), by the processor's own instruction where it has one. Chosen for
/// that instruction, and because it finds every burst of up to 32 bits.
/// </summary>
/// <remarks>
/// The instruction takes three cycles and can begin every one, so long stretches are summed as three lanes side by side. The
/// sum of lanes one after the other is that of the first, shifted by the length of the rest, with the others' added: sums are
/// linear, and shifting by one lane is a table.
/// </remarks>
public static class Crc32C
{
    // Three lanes are a little less than the block of 4 KiB that most sums are of.
    private const int LaneWords = 168;

    private static readonly uint[] OneLane = ShiftTable();

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
        var after = words.Length * sizeof(ulong);
        while (words.Length >= 3 * LaneWords)
        {
            var second = 0u;
            var third = 0u;
            for (var i = 0; i < LaneWords; i++)
            {
                register = BitOperations.Crc32C(register, Word(words[i]));
                second = BitOperations.Crc32C(second, Word(words[i + LaneWords]));
                third = BitOperations.Crc32C(third, Word(words[i + (2 * LaneWords)]));
            }

            register = Shifted(Shifted(register) ^ second) ^ third;
            words = words[(3 * LaneWords)..];
        }

        foreach (var word in words)
        {
            register = BitOperations.Crc32C(register, Word(word));
        }

        foreach (var rest in bytes[after..])
        {
            register = BitOperations.Crc32C(register, rest);
        }

        return ~register;
    }

    /// <summary>The sum continued by one number, as its eight little-endian bytes.</summary>
    public static uint Continue(uint sum, ulong number) => ~BitOperations.Crc32C(~sum, number);

    /// <summary>The sum continued by one number, as its four little-endian bytes.</summary>
    public static uint Continue(uint sum, uint number) => ~BitOperations.Crc32C(~sum, number);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Word(ulong stored) => BitConverter.IsLittleEndian ? stored : BinaryPrimitives.ReverseEndianness(stored);

    // What a lane of zeros makes of a register.
    private static uint Shifted(uint register)
        => OneLane[(byte)register] ^ OneLane[256 + (byte)(register >> 8)] ^ OneLane[512 + (byte)(register >> 16)] ^ OneLane[768 + (register >> 24)];

    private static uint[] ShiftTable()
    {
        var table = new uint[4 * 256];
        for (var bit = 0; bit < 32; bit++)
        {
            var register = 1u << bit;
            for (var i = 0; i < LaneWords; i++)
            {
                register = BitOperations.Crc32C(register, 0ul);
            }

            // Every number with this bit has its share.
            var part = table.AsSpan(bit / 8 * 256, 256);
            for (var number = 0; number < part.Length; number++)
            {
                part[number] ^= ((number >> (bit % 8)) & 1) != 0 ? register : 0;
            }
        }

        return table;
    }
}
