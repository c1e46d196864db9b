using System.Buffers;
using System.Text;

namespace RaftKv.Rpc.Server;

/// <summary>
/// Reads the :authority of a request as leniently as the servers in Go do. Kestrel resets a stream whose authority is
/// no host and port, and etcd's clients up to 3.5 send other things there: etcdctl 3.4 a whole URL. Nothing of ours
/// depends on the value, so what is no host becomes the host inside it, or nothing.
/// </summary>
/// <remarks>An encoding, because that is the one place where Kestrel lets itself be told how to read a header.</remarks>
internal sealed class AuthorityText : Encoding
{
    private const string Header = ":authority";

    private static readonly AuthorityText Instance = new();

    private static readonly SearchValues<char> HostCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~");

    /// <summary>For Kestrel: null leaves a header to it.</summary>
    public static Encoding? Select(string header) => header == Header ? Instance : null;

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

    public override int GetCharCount(byte[] bytes, int index, int count) => HostOf(Latin1.GetString(bytes, index, count)).Length;

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        var host = HostOf(Latin1.GetString(bytes, byteIndex, byteCount));
        host.CopyTo(0, chars, charIndex, host.Length);
        return host.Length;
    }

    public override int GetMaxCharCount(int byteCount) => byteCount;

    public override int GetByteCount(char[] chars, int index, int count) => count;

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex)
        => Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetMaxByteCount(int charCount) => charCount;

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
