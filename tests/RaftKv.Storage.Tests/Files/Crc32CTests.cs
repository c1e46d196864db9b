using RaftKv.Storage.Files;

namespace RaftKv.Storage.Tests.Files;

public sealed class Crc32CTests
{
    [Fact]
    public void The_check_value_of_the_polynomial() => Assert.Equal(0xE3069283, Crc32C.Of("123456789"u8));

    [Fact]
    public void Rfc_3720_examples()
    {
        var bytes = new byte[32];
        Assert.Equal(0x8A9136AAu, Crc32C.Of(bytes));
        bytes.AsSpan().Fill(0xFF);
        Assert.Equal(0x62A8AB43u, Crc32C.Of(bytes));
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)i;
        }

        Assert.Equal(0x46DD794Eu, Crc32C.Of(bytes));
    }

    [Fact]
    public void A_sum_can_be_continued_at_any_byte()
    {
        var bytes = new byte[41];
        new Random(1).NextBytes(bytes);
        for (var split = 0; split <= bytes.Length; split++)
        {
            Assert.Equal(Crc32C.Of(bytes), Crc32C.Continue(Crc32C.Of(bytes.AsSpan(0, split)), bytes.AsSpan(split)));
        }

        Assert.Equal(Crc32C.Of([1, 0, 0, 0, 0, 0, 0, 0]), Crc32C.Continue(0, 1UL));
        Assert.Equal(Crc32C.Of([1, 0, 0, 0]), Crc32C.Continue(0, 1U));
    }

    [Theory]
    [InlineData(4031)]
    [InlineData(4032)]
    [InlineData(4033)]
    [InlineData(4096)]
    [InlineData(8064)]
    [InlineData(20_001)]
    public void Long_stretches_sum_to_what_their_bits_do(int length)
    {
        var bytes = new byte[length + 3];
        new Random(length).NextBytes(bytes);
        foreach (var start in new[] { 0, 1, 3 })
        {
            var stretch = bytes.AsSpan(start, length);
            Assert.Equal(BitByBit(7, stretch), Crc32C.Continue(7, stretch));
        }
    }

    private static uint BitByBit(uint sum, ReadOnlySpan<byte> bytes)
    {
        var register = ~sum;
        foreach (var one in bytes)
        {
            register ^= one;
            for (var bit = 0; bit < 8; bit++)
            {
                register = (register >> 1) ^ ((register & 1) != 0 ? 0x82F63B78u : 0);
            }
        }

        return ~register;
    }
}
