using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace RaftKv.Server.Api;

/// <summary>The URLs that a new member names for its peers, checked as etcd checks them.</summary>
internal static class PeerUrls
{
    private static readonly string[] Schemes = ["http", "https", "unix", "unixs"];

    /// <summary>Checks URLs.</summary>
    /// <param name="given">As the client wrote them.</param>
    /// <param name="urls">In bytewise order, without blanks around them.</param>
    /// <returns>False if there is none, or one is no scheme with a host and a port.</returns>
    public static bool TryParse(IEnumerable<string> given, [NotNullWhen(true)] out string[]? urls)
    {
        var parsed = new List<string>();
        urls = null;
        foreach (var text in given)
        {
            var url = text.Trim();
            if (!IsPeerUrl(url, out var normal))
            {
                return false;
            }

            parsed.Add(normal);
        }

        if (parsed.Count == 0)
        {
            return false;
        }

        parsed.Sort(string.CompareOrdinal);
        urls = [.. parsed];
        return true;
    }

    private static bool IsPeerUrl(string url, out string normal)
    {
        normal = "";
        var end = url.IndexOf("://", StringComparison.Ordinal);
        if (end <= 0)
        {
            return false;
        }

        var scheme = url[..end].ToLowerInvariant();
        var rest = url[(end + 3)..];
        normal = scheme + "://" + rest;
        return Schemes.Contains(scheme) && IsHostAndPort(rest);
    }

    // Nothing may follow the port: no path, not even an empty one, nor a query.
    private static bool IsHostAndPort(string text)
    {
        if (text.Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || c is '/' or '?' or '#' or '%' or '<' or '>' or '"' or '\\' or '^' or '`' or '{' or '}' or '|'))
        {
            return false;
        }

        var host = text[(text.LastIndexOf('@') + 1)..];
        var colon = host.LastIndexOf(':');
        if (colon < 0)
        {
            return false;
        }

        var name = host[..colon];
        var isBracketed = name.StartsWith('[') && name.EndsWith(']') && name.Length > 2;
        var port = host[(colon + 1)..];
        return (isBracketed || !name.AsSpan().ContainsAny(':', '[', ']'))
            && (port.Length == 0 || (port.All(char.IsAsciiDigit) && int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out _)));
    }
}
