using System.Buffers;
using RaftKv.Raft;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Tests.State;

/// <summary>What holds for the bytes of every table and command.</summary>
internal static class TableBytes
{
    public static byte[] Of(Action<IBufferWriter<byte>> write)
    {
        var bytes = new ArrayBufferWriter<byte>();
        write(bytes);
        return bytes.WrittenSpan.ToArray();
    }

    public static string HexOf(Action<IBufferWriter<byte>> write) => Convert.ToHexStringLower(Of(write));

    /// <summary>Cut off, flipped, extended: either the one exception, or a table whose bytes are exactly these.</summary>
    public static void AssertDamageIsNamed(byte[] good, Func<byte[], byte[]> readAndWrite)
    {
        Assert.Equal(Convert.ToHexStringLower(good), Convert.ToHexStringLower(readAndWrite(good)));
        for (var length = 0; length < good.Length; length++)
        {
            Assert.Throws<StateFormatException>(() => readAndWrite(good[..length]));
        }

        Assert.Throws<StateFormatException>(() => readAndWrite([.. good, 0]));

        var chance = new Chance(7);
        for (var at = 0; at < good.Length; at++)
        {
            for (var round = 0; round < 12; round++)
            {
                var bad = good.ToArray();
                bad[at] ^= round < 8 ? (byte)(1 << round) : (byte)chance.Between(1, 255);
                try
                {
                    Assert.Equal(Convert.ToHexStringLower(bad), Convert.ToHexStringLower(readAndWrite(bad)));
                }
                catch (StateFormatException)
                {
                }
            }
        }
    }
}
