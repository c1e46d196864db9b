using System.Collections;
using System.Collections.Frozen;

namespace RaftKv.Rpc;

/// <summary>One header or trailer: text, or bytes where the key ends in "-bin".</summary>
public readonly record struct RpcMetadataEntry
{
    private const string BinarySuffix = "-bin";

    private readonly ReadOnlyMemory<byte> _bytes;

    private RpcMetadataEntry(string key, string text, ReadOnlyMemory<byte> bytes)
    {
        Key = key;
        Text = text;
        _bytes = bytes;
    }

    /// <summary>Lower case, as HTTP/2 demands.</summary>
    public string Key { get; }

    /// <summary>The value as it travels: plain text, or base64 where the key is binary.</summary>
    public string Text { get; }

    public bool IsBinary => IsBinaryKey(Key);

    /// <summary>The bytes of a binary entry.</summary>
    /// <exception cref="InvalidOperationException">The entry is text.</exception>
    public ReadOnlyMemory<byte> Bytes
        => IsBinary ? _bytes : throw new InvalidOperationException($"Metadata '{Key}' is text; only keys ending in '-bin' hold bytes.");

    public static RpcMetadataEntry OfText(string key, string text)
    {
        var name = CheckedKey(key);
        if (IsBinaryKey(name))
        {
            throw new ArgumentException($"Metadata '{key}' ends in '-bin' and takes bytes, not text.", nameof(key));
        }

        foreach (var c in text)
        {
            if (c is < ' ' or > '~')
            {
                throw new ArgumentException(
                    $"The value of metadata '{key}' holds U+{(int)c:X4}; text metadata is printable ASCII. Use a '-bin' key for other bytes.",
                    nameof(text));
            }
        }

        return new(name, text, default);
    }

    public static RpcMetadataEntry OfBytes(string key, ReadOnlyMemory<byte> bytes)
    {
        var name = CheckedKey(key);
        if (!IsBinaryKey(name))
        {
            throw new ArgumentException($"Metadata '{key}' holds bytes, so its key must end in '-bin'.", nameof(key));
        }

        return new(name, Convert.ToBase64String(bytes.Span), bytes);
    }

    /// <summary>As received. A binary value that is not base64 is kept as empty bytes, its text untouched.</summary>
    internal static RpcMetadataEntry Received(string key, string text)
        => IsBinaryKey(key) ? new(key, text, DecodeBase64(text)) : new(key, text, default);

    private static bool IsBinaryKey(string key) => key.EndsWith(BinarySuffix, StringComparison.Ordinal);

    private static ReadOnlyMemory<byte> DecodeBase64(string text)
    {
        // Senders may leave the padding out.
        var padding = (4 - (text.Length % 4)) % 4;
        var padded = padding == 0 ? text : text + new string('=', padding);
        var bytes = new byte[padded.Length / 4 * 3];
        return Convert.TryFromBase64String(padded, bytes, out var length) ? bytes.AsMemory(0, length) : default;
    }

    private static string CheckedKey(string key)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        foreach (var c in key)
        {
            var allowed = char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.';
            if (!allowed)
            {
                throw new ArgumentException($"'{key}' is no metadata key: letters, digits, '-', '_' and '.' are allowed.", nameof(key));
            }
        }

        var lower = key.ToLowerInvariant();
        if (lower.StartsWith("grpc-", StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{key}' is no metadata key: names that start with 'grpc-' belong to the protocol.", nameof(key));
        }

        return lower;
    }
}

/// <summary>Headers or trailers of a call, in order; a key may occur more than once.</summary>
/// <example><code>var metadata = new RpcMetadata { { "token", "secret" }, { "trace-bin", bytes } };</code></example>
public sealed class RpcMetadata : IReadOnlyList<RpcMetadataEntry>
{
    private static readonly FrozenSet<string> ProtocolHeaders = FrozenSet.ToFrozenSet(
        ["content-type", "te", "user-agent", "date", "server", "host", "content-length", "transfer-encoding", "trailer", "connection"],
        StringComparer.OrdinalIgnoreCase);

    private readonly List<RpcMetadataEntry> _entries = [];

    public int Count => _entries.Count;

    public RpcMetadataEntry this[int index] => _entries[index];

    public void Add(string key, string text) => _entries.Add(RpcMetadataEntry.OfText(key, text));

    public void Add(string key, ReadOnlyMemory<byte> bytes) => _entries.Add(RpcMetadataEntry.OfBytes(key, bytes));

    /// <summary>The first value under a key, or null. Keys compare without case.</summary>
    public string? Text(string key)
    {
        foreach (var entry in _entries)
        {
            if (string.Equals(entry.Key, key, StringComparison.OrdinalIgnoreCase))
            {
                return entry.Text;
            }
        }

        return null;
    }

    /// <summary>The first bytes under a "-bin" key, or null.</summary>
    public ReadOnlyMemory<byte>? Bytes(string key)
    {
        foreach (var entry in _entries)
        {
            if (entry.IsBinary && string.Equals(entry.Key, key, StringComparison.OrdinalIgnoreCase))
            {
                return entry.Bytes;
            }
        }

        return null;
    }

    public IEnumerator<RpcMetadataEntry> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal void AddAll(RpcMetadata? others)
    {
        if (others is not null)
        {
            _entries.AddRange(others._entries);
        }
    }

    internal void AddReceived(string key, string text)
    {
        // A binary header may carry several values in one line, separated by commas.
        if (key.EndsWith("-bin", StringComparison.Ordinal) && text.Contains(',', StringComparison.Ordinal))
        {
            foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
            {
                _entries.Add(RpcMetadataEntry.Received(key, part));
            }

            return;
        }

        _entries.Add(RpcMetadataEntry.Received(key, text));
    }

    /// <summary>Whether a header of HTTP is metadata of the caller's, rather than the protocol's own.</summary>
    internal static bool IsMetadata(string header)
        => !ProtocolHeaders.Contains(header)
            && !header.StartsWith(':')
            && !header.StartsWith("grpc-", StringComparison.OrdinalIgnoreCase);
}
