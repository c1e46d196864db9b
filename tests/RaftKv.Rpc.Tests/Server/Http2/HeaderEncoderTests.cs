using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using RaftKv.Rpc.Server.Http2;
using RaftKv.Rpc.Server.Http2.Hpack;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>What the server writes of headers is what the test peer reads.</summary>
public sealed class HeaderEncoderTests
{
    [Theory]
    [InlineData(200)]
    [InlineData(204)]
    [InlineData(415)]
    [InlineData(500)]
    public void An_answer_is_its_status_and_its_headers(int status)
    {
        var headers = new HeaderDictionary
        {
            ["Content-Type"] = "text/plain",
            ["content-length"] = "12",
            ["Date"] = "today",
            ["X-Many"] = new StringValues(["a", "", "b"]),
        };

        Assert.Equal(
            [(":status", status.ToString(CultureInfo.InvariantCulture)), ("content-type", "text/plain"), ("content-length", "12"), ("date", "today"), ("x-many", "a"), ("x-many", ""), ("x-many", "b")],
            Written(to => HeaderEncoder.WriteAnswer(to, status, headers)));
    }

    [Fact]
    public void The_usual_answer_of_a_call_is_no_different()
    {
        Assert.Equal(
            [(":status", "200"), ("content-type", "application/grpc")],
            Written(to => HeaderEncoder.WriteAnswer(to, 200, new HeaderDictionary { ["content-type"] = "application/grpc" })));
        Assert.Equal([("grpc-status", "0")], Written(to => HeaderEncoder.WriteTrailers(to, new HeaderDictionary { ["grpc-status"] = "0" })));
        Assert.Equal(
            [("grpc-status", "5"), ("grpc-message", "no")],
            Written(to => HeaderEncoder.WriteTrailers(to, new HeaderDictionary { ["grpc-status"] = "5", ["grpc-message"] = "no" })));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(126)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(254)]
    [InlineData(255)]
    [InlineData(16_383)]
    [InlineData(16_384 + 127)]
    [InlineData(100_000)]
    [InlineData(3_000_000)]
    public void Texts_of_any_length_are_written(int length)
    {
        var value = new string('v', length);
        var name = "n" + new string('m', Math.Min(length, 1000));

        Assert.Equal([(name, value)], Written(to => HeaderEncoder.WriteTrailers(to, new HeaderDictionary { [name] = value })));
    }

    [Theory]
    [InlineData("gr\u00fcn")]
    [InlineData("\u6f22\u5b57")]
    [InlineData("\ud83d\ude00")]
    [InlineData("\ud83d alone")]
    public void What_is_not_ASCII_is_written_as_UTF_8(string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);

        Assert.Equal([("x", Encoding.Latin1.GetString(bytes))], Written(to => HeaderEncoder.WriteTrailers(to, new HeaderDictionary { ["X"] = value })));
    }

    private static List<(string Name, string Value)> Written(Action<ByteBuffer> write)
    {
        var buffer = new ByteBuffer();
        write(buffer);
        var headers = new HeaderBlock().Decode(buffer.Written);
        buffer.Release();
        return headers;
    }
}
