using System.Text;
using Google.Protobuf;

namespace RaftKv.Client;

/// <summary>
/// A key or a value as it is handed to the client: bytes, or text that travels as UTF-8. Bytes are not copied, so they must
/// stay unchanged until the call they are given to has ended.
/// </summary>
/// <example><code>
/// await client.PutAsync("config/limit", "10");
/// await client.PutAsync("blob", new byte[] { 1, 2, 3 });
/// </code></example>
public readonly struct KvBytes : IEquatable<KvBytes>
{
    public KvBytes(ReadOnlyMemory<byte> memory) => Memory = memory;

    public KvBytes(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Memory = Encoding.UTF8.GetBytes(text);
    }

    public ReadOnlyMemory<byte> Memory { get; }

    public int Length => Memory.Length;

    public bool IsEmpty => Memory.IsEmpty;

    internal ByteString Wire => Memory.IsEmpty ? ByteString.Empty : UnsafeByteOperations.UnsafeWrap(Memory);

    public static implicit operator KvBytes(string text) => new(text);

    public static implicit operator KvBytes(byte[] bytes) => new((ReadOnlyMemory<byte>)bytes);

    public static implicit operator KvBytes(ReadOnlyMemory<byte> bytes) => new(bytes);

    public static implicit operator KvBytes(Memory<byte> bytes) => new((ReadOnlyMemory<byte>)bytes);

    public static bool operator ==(KvBytes left, KvBytes right) => left.Equals(right);

    public static bool operator !=(KvBytes left, KvBytes right) => !left.Equals(right);

    /// <summary>Whether the bytes are the same.</summary>
    public bool Equals(KvBytes other) => Memory.Span.SequenceEqual(other.Memory.Span);

    public override bool Equals(object? obj) => obj is KvBytes other && Equals(other);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Memory.Span);
        return hash.ToHashCode();
    }

    /// <summary>The bytes read as UTF-8.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Memory.Span);
}
