using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace RaftKv.Rpc.Server.Http2.Hpack;

/// <summary>Writes headers (RFC 7541) without a table: each header stands for itself, so the order in which answers are
/// written does not matter, and nothing is kept for a connection.</summary>
internal static class HeaderEncoder
{
    /// <summary>Says that the table is as small as it can be.</summary>
    public const byte EmptyTable = 0x20;

    // Of static table entries.
    private const byte Status200 = 0x88;
    private const byte StatusName = 8;
    private const byte ContentTypeName = 31;
    private const byte ContentLengthName = 28;
    private const byte DateName = 33;

    private static readonly byte[] GrpcAnswer = [Status200, .. Of("content-type", RpcDispatcher.ContentType)];
    private static readonly byte[] GrpcOk = Of("grpc-status", "0");

    /// <summary>The headers of a response.</summary>
    public static void WriteAnswer(ByteBuffer to, int status, IHeaderDictionary headers)
    {
        if (status == 200 && headers.Count == 1 && IsOnly(headers.ContentType, RpcDispatcher.ContentType))
        {
            to.Write(GrpcAnswer);
            return;
        }

        if (status == 200)
        {
            to.Write([Status200]);
        }
        else
        {
            WriteNumber(to, 0, 4, StatusName);
            WriteText(to, status.ToString(CultureInfo.InvariantCulture), isName: false);
        }

        Write(to, headers);
    }

    /// <summary>The headers behind a response.</summary>
    public static void WriteTrailers(ByteBuffer to, IHeaderDictionary trailers)
    {
        if (trailers.Count == 1 && IsOnly(trailers.GrpcStatus, "0"))
        {
            to.Write(GrpcOk);
            return;
        }

        Write(to, trailers);
    }

    private static bool IsOnly(StringValues values, string value) => values.Count == 1 && values[0] == value;

    private static void Write(ByteBuffer to, IHeaderDictionary headers)
    {
        foreach (var (name, values) in headers)
        {
            if (IsOfHttp1(name))
            {
                continue;
            }

            foreach (var value in values)
            {
                Write(to, name, value ?? "");
            }
        }
    }

    // What only concerns a connection of HTTP/1.1, and a handler that serves both may have said.
    private static bool IsOfHttp1(string name) => name.Length switch
    {
        7 => name.Equals("upgrade", StringComparison.OrdinalIgnoreCase),
        10 => name.Equals("connection", StringComparison.OrdinalIgnoreCase) || name.Equals("keep-alive", StringComparison.OrdinalIgnoreCase),
        16 => name.Equals("proxy-connection", StringComparison.OrdinalIgnoreCase),
        17 => name.Equals("transfer-encoding", StringComparison.OrdinalIgnoreCase),
        _ => false,
    };

    // Not to be put into a table, whatever it is.
    private static void Write(ByteBuffer to, string name, string value)
    {
        var known = name.Length switch
        {
            12 when name.Equals("content-type", StringComparison.OrdinalIgnoreCase) => ContentTypeName,
            14 when name.Equals("content-length", StringComparison.OrdinalIgnoreCase) => ContentLengthName,
            4 when name.Equals("date", StringComparison.OrdinalIgnoreCase) => DateName,
            _ => (byte)0,
        };
        WriteNumber(to, 0, 4, known);
        if (known == 0)
        {
            WriteText(to, name, isName: true);
        }

        WriteText(to, value, isName: false);
    }

    private static byte[] Of(string name, string value)
    {
        var buffer = new ByteBuffer();
        Write(buffer, name, value);
        var bytes = buffer.Written.ToArray();
        buffer.Release();
        return bytes;
    }

    private static void WriteText(ByteBuffer to, string text, bool isName)
    {
        var isAscii = Ascii.IsValid(text);
        var length = isAscii ? text.Length : Encoding.UTF8.GetByteCount(text);
        WriteNumber(to, 0, 7, length);
        var room = to.Reserve(length);
        if (!isAscii)
        {
            Encoding.UTF8.GetBytes(text, room);
        }
        else if (isName)
        {
            Ascii.ToLower(text, room, out _);
        }
        else
        {
            Encoding.ASCII.GetBytes(text, room);
        }

        to.Advance(length);
    }

    private static void WriteNumber(ByteBuffer to, byte flags, int prefixBits, int number)
    {
        var room = to.Reserve(6);
        var most = (1 << prefixBits) - 1;
        if (number < most)
        {
            room[0] = (byte)(flags | number);
            to.Advance(1);
            return;
        }

        room[0] = (byte)(flags | most);
        var rest = number - most;
        var count = 1;
        for (; rest >= 0x80; rest >>= 7)
        {
            room[count++] = (byte)(rest | 0x80);
        }

        room[count++] = (byte)rest;
        to.Advance(count);
    }
}
