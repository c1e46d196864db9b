using System.Buffers;

namespace RaftKv.Rpc.Server;

/// <summary>
/// Reads the :authority of a request as leniently as the servers in Go do: etcd's clients up to 3.5 send other things there
/// than a host and a port, etcdctl 3.4 a whole URL. Nothing of ours depends on the value, so what is no host becomes the host
/// inside it, or nothing.
/// </summary>
internal static class AuthorityText
{
    private static readonly SearchValues<char> HostCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~");

    public static string HostOf(string authority)
    {
        var host = authority.AsSpan();
        var scheme = host.IndexOf("://", StringComparison.Ordinal);
        if (scheme >= 0)
        {
            host = host[(scheme + 3)..];
        }

        var path = host.IndexOf('/');
        if (path >= 0)
        {
            host = host[..path];
        }

        return IsHost(host) ? host.ToString() : "";
    }

    // RFC 3986 §3.2 without what no client puts there: user information, percent signs, sub-delimiters.
    private static bool IsHost(ReadOnlySpan<char> text)
    {
        ReadOnlySpan<char> port;
        if (text.StartsWith("["))
        {
            var end = text.IndexOf(']');
            if (end < 0 || !System.Net.IPAddress.TryParse(text[1..end], out _) || text[..end].Contains('%'))
            {
                return false;
            }

            port = text[(end + 1)..];
        }
        else
        {
            var length = text.IndexOfAnyExcept(HostCharacters);
            if (length < 0)
            {
                return true;
            }

            if (length == 0)
            {
                return false;
            }

            port = text[length..];
        }

        return port.IsEmpty || (port[0] == ':' && ushort.TryParse(port[1..], System.Globalization.NumberStyles.None, null, out _));
    }
}
