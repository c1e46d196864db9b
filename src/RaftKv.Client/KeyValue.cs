using System.Text;
using Mvcc = RaftKv.Protocol.Mvcc;

namespace RaftKv.Client;

/// <summary>A key with its value, and where in history the two stand.</summary>
public sealed class KeyValue
{
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>Empty where only keys were asked for, and in deletions.</summary>
    public ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>The revision that created the key; 0 in deletions.</summary>
    public long CreateRevision { get; init; }

    /// <summary>The revision of its last change.</summary>
    public long ModRevision { get; init; }

    /// <summary>1 for the put that created the key, one more with each put; 0 in deletions.</summary>
    public long Version { get; init; }

    /// <summary>The lease that the key lives as long as; 0 for none.</summary>
    public long Lease { get; init; }

    /// <summary>The key read as UTF-8. Made anew on each call.</summary>
    public string KeyText => Encoding.UTF8.GetString(Key.Span);

    /// <summary>The value read as UTF-8. Made anew on each call.</summary>
    public string ValueText => Encoding.UTF8.GetString(Value.Span);

    internal static KeyValue Of(Mvcc.KeyValue wire) => new()
    {
        Key = wire.Key.Memory,
        Value = wire.Value.Memory,
        CreateRevision = wire.CreateRevision,
        ModRevision = wire.ModRevision,
        Version = wire.Version,
        Lease = wire.Lease,
    };

    internal static KeyValue? OfNullable(Mvcc.KeyValue? wire) => wire is null ? null : Of(wire);

    internal static IReadOnlyList<KeyValue> Of(IReadOnlyList<Mvcc.KeyValue> wire)
    {
        if (wire.Count == 0)
        {
            return [];
        }

        var all = new KeyValue[wire.Count];
        for (var i = 0; i < all.Length; i++)
        {
            all[i] = Of(wire[i]);
        }

        return all;
    }
}
