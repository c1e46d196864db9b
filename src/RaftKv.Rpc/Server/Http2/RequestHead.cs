using System.Globalization;
using Microsoft.Extensions.Primitives;
using RaftKv.Rpc.Server.Http2.Hpack;

namespace RaftKv.Rpc.Server.Http2;

/// <summary>The rules of RFC 9113 §8.2 and §8.3 for the headers of a request.</summary>
internal static class RequestHead
{
    /// <summary>Puts headers where the request wants them.</summary>
    /// <returns>False if this is no request that may be answered.</returns>
    public static bool TryTake(List<HeaderField> fields, Http2Stream stream)
    {
        string? method = null, scheme = null, target = null, authority = null;
        var bodyBytes = -1L;
        var isBehindPseudo = false;
        var headers = stream.RequestHeaders;
        foreach (var field in fields)
        {
            if (!field.IsFit)
            {
                return false;
            }

            if (field.Name[0] == ':')
            {
                var isTaken = field.Name switch
                {
                    ":method" => TakeOnce(ref method, field.Value),
                    ":scheme" => TakeOnce(ref scheme, field.Value),
                    ":path" => TakeOnce(ref target, field.Value),
                    ":authority" => TakeOnce(ref authority, field.Value),
                    _ => false,
                };
                if (!isTaken || isBehindPseudo)
                {
                    return false;
                }

                continue;
            }

            isBehindPseudo = true;
            if (!MayBeThere(field) || (field.Name == "content-length" && !TryReadLength(field.Value, ref bodyBytes)))
            {
                return false;
            }

            headers[field.Name] = headers.TryGetValue(field.Name, out var before) ? Join(field, before) : new StringValues(field.Value);
        }

        if (method is null or "" or "CONNECT" || scheme is null or "" || !IsTarget(target))
        {
            return false;
        }

        if (authority is not null)
        {
            headers.Host = authority;
        }

        stream.Take(method, scheme, target!, bodyBytes);
        return true;
    }

    /// <summary>Whether headers may stand behind a body.</summary>
    public static bool AreTrailers(List<HeaderField> fields)
    {
        foreach (var field in fields)
        {
            if (!field.IsFit || field.Name[0] == ':')
            {
                return false;
            }
        }

        return true;
    }

    private static bool TakeOnce(ref string? taken, string value)
    {
        if (taken is not null)
        {
            return false;
        }

        taken = value;
        return true;
    }

    // Clients may cut a cookie into several headers; everything else keeps its lines.
    private static StringValues Join(HeaderField field, StringValues before)
        => field.Name == "cookie" ? new StringValues($"{before}; {field.Value}") : StringValues.Concat(before, field.Value);

    private static bool MayBeThere(HeaderField field) => field.Name switch
    {
        "connection" or "keep-alive" or "proxy-connection" or "transfer-encoding" or "upgrade" => false,
        "te" => field.Value == "trailers",
        _ => true,
    };

    private static bool TryReadLength(string value, ref long bytes)
        => bytes < 0 && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out bytes);

    private static bool IsTarget(string? target) => target is ['/', ..];
}
