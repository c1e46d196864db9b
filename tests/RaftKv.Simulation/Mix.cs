using System.Buffers.Binary;

namespace RaftKv.Simulation;

/// <summary>Hashes that are the same in every process and for ever, unlike those of the runtime.</summary>
internal static class Mix
{
    public static ulong Of(ulong sofar, ulong fact)
    {
        var mixed = (sofar ^ fact) * 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 32)) * 0xD6E8FEB86659FD93;
        return mixed ^ (mixed >> 29);
    }

    public static ulong Of(ulong sofar, ReadOnlySpan<byte> bytes)
    {
        sofar = Of(sofar, (ulong)bytes.Length);
        while (bytes.Length >= sizeof(ulong))
        {
            sofar = Of(sofar, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (var one in bytes)
        {
            sofar = Of(sofar, one);
        }

        return sofar;
    }
}
