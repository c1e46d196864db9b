using Google.Protobuf;
using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;

namespace RaftKv.Cli.Tests.Commands.Text;

/// <summary>The ways of writing things that are Go's. The expected texts were measured with etcdctl 3.4.</summary>
public sealed class GoTextTests
{
    [Theory]
    [InlineData("a", "\"a\"")]
    [InlineData("", "\"\"")]
    [InlineData("\\ \"q\"", "\"\\\\ \\\"q\\\"\"")]
    [InlineData("\u00a0\t\u001b\u007f\u200b€<>&", "\"\\u00a0\\t\\x1b\\x7f\\u200b€<>&\"")]
    [InlineData("\a\b\f\r\v", "\"\\a\\b\\f\\r\\v\"")]
    [InlineData("ключ 😀", "\"ключ 😀\"")]
    public void A_quoted_string_is_written_as_go_does_and_read_back(string text, string quoted)
    {
        Assert.Equal(quoted, GoQuoted.Of(text));
        Assert.Equal(quoted.Length, GoQuoted.Read(quoted + " rest", out var bytes));
        Assert.Equal(ByteText.Bytes(text), bytes);
    }

    [Theory]
    [InlineData("\"\\101\\u20ac\\U0001F600\"", "A€😀")]
    [InlineData("\"\\'\"", null)]
    [InlineData("\"\\x4\"", null)]
    [InlineData("\"\\uD800\"", null)]
    [InlineData("\"\\400\"", null)]
    [InlineData("\"open", null)]
    [InlineData("\"open\\", null)]
    [InlineData("plain", null)]
    public void What_is_no_quoted_string_is_not_read(string text, string? expected)
    {
        var length = GoQuoted.Read(text, out var bytes);
        Assert.Equal(expected is null ? 0 : text.Length, length);
        Assert.Equal(expected ?? "", ByteText.Decode(bytes));
    }

    [Fact]
    public void Bytes_that_are_no_text_are_quoted_one_by_one() => Assert.Equal("\"v\\x00\\xff\\n\"", GoQuoted.Of([(byte)'v', 0, 0xff, (byte)'\n']));

    [Theory]
    [InlineData("5s", 5_000)]
    [InlineData("1m30s", 90_000)]
    [InlineData("1.5h", 5_400_000)]
    [InlineData("250ms", 250)]
    [InlineData("-1s", -1_000)]
    [InlineData("0", 0)]
    public void Durations_are_read(string text, int milliseconds)
        => Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), GoDuration.Parse(text));

    [Theory]
    [InlineData("x", "time: invalid duration \"x\"")]
    [InlineData("5", "time: missing unit in duration \"5\"")]
    [InlineData("", "time: invalid duration \"\"")]
    [InlineData("1.2.3s", "time: invalid duration \"1.2.3s\"")]
    [InlineData("5d", "time: invalid duration \"5d\"")]
    public void What_is_no_duration_is_named(string text, string problem)
        => Assert.Equal(problem, Assert.Throws<FormatException>(() => GoDuration.Parse(text)).Message);

    [Fact]
    public void A_duration_longer_than_a_life_is_as_long_as_one()
        => Assert.True(GoDuration.Parse("9999999999h") > TimeSpan.FromDays(30_000));

    [Theory]
    [InlineData(13_950, "1.395ms")]
    [InlineData(50_006_709, "5.0006709s")]
    [InlineData(5, "500ns")]
    [InlineData(15, "1.5µs")]
    [InlineData(10_000_000, "1s")]
    [InlineData(36_610_000_000, "1h1m1s")]
    [InlineData(600_000_000, "1m0s")]
    [InlineData(0, "0s")]
    public void Durations_are_written(long ticks, string text) => Assert.Equal(text, GoDuration.Format(TimeSpan.FromTicks(ticks)));

    [Theory]
    [InlineData("zz", 16, "strconv.ParseInt: parsing \"zz\": invalid syntax")]
    [InlineData("99999999999999999999", 10, "strconv.ParseInt: parsing \"99999999999999999999\": value out of range")]
    [InlineData("", 10, "strconv.ParseInt: parsing \"\": invalid syntax")]
    [InlineData("-", 10, "strconv.ParseInt: parsing \"-\": invalid syntax")]
    [InlineData("1 ", 10, "strconv.ParseInt: parsing \"1 \": invalid syntax")]
    public void What_is_no_number_is_named(string text, int radix, string problem)
        => Assert.Equal(problem, Assert.Throws<FormatException>(() => GoNumber.Int64(text, radix)).Message);

    [Theory]
    [InlineData("9223372036854775807", long.MaxValue)]
    [InlineData("-9223372036854775808", long.MinValue)]
    [InlineData("+5", 5)]
    [InlineData("0x10", 16)]
    [InlineData("010", 8)]
    [InlineData("0b11", 3)]
    public void Flags_take_numbers_of_any_radix(string text, long number) => Assert.Equal(number, GoNumber.Int64OfAnyRadix(text));

    [Theory]
    [InlineData(9, "9 B")]
    [InlineData(24_576, "25 kB")]
    [InlineData(1_500, "1.5 kB")]
    [InlineData(18_235_392, "18 MB")]
    [InlineData(2_147_483_648, "2.1 GB")]
    public void Sizes_are_written_for_people(long bytes, string text) => Assert.Equal(text, ByteSize.Of(bytes));

    [Fact]
    public void Messages_become_gos_json()
    {
        var response = new TxnResponse { Header = new ResponseHeader { ClusterId = ulong.MaxValue, Revision = -1 }, Succeeded = true };
        response.Responses.Add(new ResponseOp
        {
            ResponseRange = new RangeResponse { Kvs = { new KeyValue { Key = ByteString.CopyFrom(0xff), Lease = 5 } } },
        });

        Assert.Equal(
            """{"header":{"cluster_id":18446744073709551615,"revision":-1},"succeeded":true,"responses":[{"Response":{"ResponseRange":{"kvs":[{"key":"/w==","lease":5}]}}}]}""",
            GoJson.Of(response));
        Assert.Equal(
            """{"version":"\u003ca\u0026\"\\\n\u2028é"}""", GoJson.Of(new StatusResponse { Version = "<a&\"\\\n\u2028é" }));
        Assert.Equal("""{"alarms":[{"memberID":1,"alarm":1}]}""", GoJson.Of(new AlarmResponse
        {
            Alarms = { new AlarmMember { MemberID = 1, Alarm = AlarmType.Nospace } },
        }));
    }
}
