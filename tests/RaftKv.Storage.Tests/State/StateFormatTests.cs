using System.Buffers;
using System.Text;
using RaftKv.Raft;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Tests.State;

public sealed class StateFormatTests
{
    [Theory]
    [InlineData(0, "00")]
    [InlineData(127, "7f")]
    [InlineData(128, "8001")]
    [InlineData(16384, "808001")]
    [InlineData(ulong.MaxValue, "ffffffffffffffffff01")]
    public void Numbers_are_packed(ulong number, string hex)
    {
        Assert.Equal(hex, Written(writer => writer.Number(number)));
        var reader = Reader(hex);
        Assert.Equal(number, reader.Number());
        reader.End();
    }

    [Theory]
    [InlineData(0, "00")]
    [InlineData(-1, "01")]
    [InlineData(1, "02")]
    [InlineData(long.MaxValue, "feffffffffffffffff01")]
    [InlineData(long.MinValue, "ffffffffffffffffff01")]
    public void Signed_numbers_alternate(long number, string hex)
    {
        Assert.Equal(hex, Written(writer => writer.Zigzag(number)));
        var reader = Reader(hex);
        Assert.Equal(number, reader.Zigzag());
        reader.End();
    }

    [Fact]
    public void Everything_else_is_written_plainly()
    {
        var hex = Written(writer =>
        {
            writer.Byte(0xab);
            writer.Flag(true);
            writer.Id(0x0102030405060708);
            writer.Bytes([1, 2, 3]);
            writer.Text("é");
            writer.Texts(["", "a"]);
        });
        Assert.Equal("ab" + "01" + "0807060504030201" + "03010203" + "02c3a9" + "02000161", hex);

        var reader = Reader(hex);
        Assert.Equal(0xab, reader.Byte());
        Assert.True(reader.Flag());
        Assert.Equal(0x0102030405060708ul, reader.Id());
        Assert.Equal([1, 2, 3], reader.Bytes().ToArray());
        Assert.Equal("é", reader.Text());
        Assert.Equal(["", "a"], reader.Texts());
        reader.End();
    }

    [Theory]
    [InlineData("", "Malformed thing at byte 0: it ends within a number.")]
    [InlineData("80", "Malformed thing at byte 0: it ends within a number.")]
    [InlineData("8000", "Malformed thing at byte 0: a number is longer than it needs to be.")]
    [InlineData("ffffffffffffffffff02", "Malformed thing at byte 0: a number has more than 64 bits.")]
    [InlineData("ffffffffffffffffff8001", "Malformed thing at byte 0: a number has more than 64 bits.")]
    [InlineData("0000", "Malformed thing at byte 1: something follows its end.")]
    public void A_malformed_number_is_named(string hex, string message)
        => Assert.Equal(message, Complaint(hex, (ref StateReader reader) => reader.Number()));

    [Theory]
    [InlineData("02ff", "Malformed thing at byte 0: it counts more than it holds.")]
    [InlineData("ffffffffffffffffff01", "Malformed thing at byte 0: it counts more than it holds.")]
    [InlineData("02c328", "Malformed thing at byte 0: a text is not UTF-8.")]
    [InlineData("03eda080", "Malformed thing at byte 0: a text is not UTF-8.")]
    public void A_malformed_text_is_named(string hex, string message)
        => Assert.Equal(message, Complaint(hex, (ref StateReader reader) => reader.Text()));

    [Fact]
    public void Malformed_flags_bytes_and_ids_are_named()
    {
        Assert.Equal("Malformed thing at byte 0: a flag is neither 0 nor 1.", Complaint("02", (ref StateReader reader) => reader.Flag()));
        Assert.Equal("Malformed thing at byte 0: it ends too early.", Complaint("", (ref StateReader reader) => reader.Byte()));
        Assert.Equal("Malformed thing at byte 0: it ends within an id.", Complaint("01020304050607", (ref StateReader reader) => reader.Id()));
    }

    [Fact]
    public void A_text_that_UTF_8_cannot_hold_is_not_written()
        => Assert.Throws<EncoderFallbackException>(() => Written(writer => writer.Text("\ud800")));

    [Fact]
    public void Texts_are_ordered_by_their_bytes()
    {
        string[] samples = ["", "a", "a\0", "aé", "b", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff", "\U0001f600a", "\U0001f600"];
        foreach (var left in samples)
        {
            foreach (var right in samples)
            {
                Assert.Equal(
                    Math.Sign(Encoding.UTF8.GetBytes(left).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right))),
                    Math.Sign(ByteOrder.Instance.Compare(left, right)));
            }
        }
    }

    [Fact]
    public void Random_bytes_are_read_or_refused_with_the_one_exception()
    {
        var chance = new Chance(1);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[chance.Below(12)];
            chance.Fill(bytes);
            try
            {
                var reader = new StateReader(bytes, "thing");
                var number = reader.Number();
                var texts = reader.Texts();
                reader.End();

                // Whatever is taken is the one way to write it.
                Assert.Equal(Convert.ToHexStringLower(bytes), Written(writer =>
                {
                    writer.Number(number);
                    writer.Texts(texts);
                }));
            }
            catch (StateFormatException)
            {
            }
        }
    }

    private delegate void Reading(ref StateReader reader);

    private static string Written(Action<StateWriter> write)
    {
        var bytes = new ArrayBufferWriter<byte>();
        write(new StateWriter(bytes));
        return Convert.ToHexStringLower(bytes.WrittenSpan);
    }

    private static StateReader Reader(string hex) => new(Convert.FromHexString(hex), "thing");

    private static string Complaint(string hex, Reading read)
        => Assert.Throws<StateFormatException>(() =>
        {
            var reader = Reader(hex);
            read(ref reader);
            reader.End();
        }).Message;
}
