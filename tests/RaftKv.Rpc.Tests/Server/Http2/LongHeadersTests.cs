using Microsoft.AspNetCore.Http;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>Headers and trailers of an answer that do not fit into one frame.</summary>
public sealed class LongHeadersTests
{
    [Theory]
    [InlineData(16_000)]
    [InlineData(16_384)]
    [InlineData(40_000)]
    [InlineData(200_000)]
    public async Task They_come_in_several(int bytes)
    {
        var value = new string('v', bytes);
        await using var http = await PlainHttp.StartAsync(async context =>
        {
            context.Response.Headers["x-long"] = value;
            context.Response.DeclareTrailer("x-late");
            await context.Response.WriteAsync("body");
            context.Response.AppendTrailer("x-late", value);
        });
        await using var connection = await http.ConnectAsync();
        await connection.WriteAsync(PlainHttp.Get(1), PlainHttp.Get(3));

        for (var i = 0; i < 2; i++)
        {
            var answer = await connection.NextMessageAsync();
            Assert.Equal((value, value, 4), (answer.Header("x-long"), answer.Header("x-late"), answer.Body.Length));
        }
    }
}
