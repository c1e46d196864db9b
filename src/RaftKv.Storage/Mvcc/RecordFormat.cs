using System.Numerics;

namespace RaftKv.Storage.Mvcc;

/// <summary>
/// A change as it is stored, sent in ranges, in events and in snapshots: the bytes of a <c>mvccpb.KeyValue</c>, written
/// once, fields in the order of their numbers, zeros left out. A tombstone has its key and the revision alone.
/// </summary>
public static class RecordFormat
{
    private const byte KeyTag = 1 << 3 | 2;
    private const byte CreatedTag = 2 << 3;
    private const byte ModifiedTag = 3 << 3;
    private const byte VersionTag = 4 << 3;
    private const byte ValueTag = 5 << 3 | 2;
    private const byte LeaseTag = 6 << 3;

    /// <summary>How long the record of a put is.</summary>
    public static int Bytes(int keyBytes, in KeyRevision item, int valueBytes, long lease)
        => 1 + VarintBytes((ulong)keyBytes) + keyBytes
            + Bytes(item.Created) + Bytes(item.Modified.Main) + Bytes(item.Version)
            + (valueBytes == 0 ? 0 : 1 + VarintBytes((ulong)valueBytes) + valueBytes)
            + Bytes(lease);

    /// <summary>Writes a put, or, where <paramref name="item"/> is one, a tombstone.</summary>
    public static void Write(
        Span<byte> record, ReadOnlySpan<byte> key, in KeyRevision item, ReadOnlySpan<byte> value, long lease)
    {
        var at = Write(record, KeyTag, key);
        at += Write(record[at..], CreatedTag, item.Created);
        at += Write(record[at..], ModifiedTag, item.Modified.Main);
        at += Write(record[at..], VersionTag, item.Version);
        if (value.Length > 0)
        {
            at += Write(record[at..], ValueTag, value);
        }

        Write(record[at..], LeaseTag, lease);
    }

    /// <summary>The key of a record that this class has written.</summary>
    public static ReadOnlySpan<byte> KeyOf(ReadOnlySpan<byte> record)
    {
        var at = 1;
        var length = (int)ReadVarint(record, ref at);
        return record.Slice(at, length);
    }

    /// <summary>Where the key of a record stands in it.</summary>
    public static (int Offset, int Length) KeyPlace(ReadOnlySpan<byte> record)
    {
        var at = 1;
        var length = (int)ReadVarint(record, ref at);
        return (at, length);
    }

    /// <summary>Takes a record apart.</summary>
    /// <exception cref="FormatException">These are not the bytes of a record.</exception>
    public static RecordFields Read(ReadOnlySpan<byte> record)
    {
        var fields = default(RecordFields);
        var at = 0;
        while (at < record.Length)
        {
            var tag = record[at++];
            switch (tag)
            {
                case KeyTag:
                    fields.Key = ReadBytes(record, ref at);
                    break;
                case CreatedTag:
                    fields.Created = (long)ReadVarint(record, ref at);
                    break;
                case ModifiedTag:
                    fields.Modified = (long)ReadVarint(record, ref at);
                    break;
                case VersionTag:
                    fields.Version = (long)ReadVarint(record, ref at);
                    break;
                case ValueTag:
                    fields.Value = ReadBytes(record, ref at);
                    break;
                case LeaseTag:
                    fields.Lease = (long)ReadVarint(record, ref at);
                    break;
                default:
                    throw new FormatException($"A record has an unknown tag {tag} at {at - 1}.");
            }
        }

        return fields;
    }

    internal static int VarintBytes(ulong value) => (BitOperations.Log2(value | 1) + 7) / 7;

    internal static int WriteVarint(Span<byte> bytes, ulong value)
    {
        var at = 0;
        while (value >= 0x80)
        {
            bytes[at++] = (byte)(value | 0x80);
            value >>= 7;
        }

        bytes[at++] = (byte)value;
        return at;
    }

    private static int Bytes(long number) => number == 0 ? 0 : 1 + VarintBytes((ulong)number);

    private static int Write(Span<byte> bytes, byte tag, long number)
    {
        if (number == 0)
        {
            return 0;
        }

        bytes[0] = tag;
        return 1 + WriteVarint(bytes[1..], (ulong)number);
    }

    private static int Write(Span<byte> bytes, byte tag, ReadOnlySpan<byte> content)
    {
        bytes[0] = tag;
        var at = 1 + WriteVarint(bytes[1..], (ulong)content.Length);
        content.CopyTo(bytes[at..]);
        return at + content.Length;
    }

    private static ReadOnlySpan<byte> ReadBytes(ReadOnlySpan<byte> record, scoped ref int at)
    {
        var length = ReadVarint(record, ref at);
        if (length > (ulong)(record.Length - at))
        {
            throw new FormatException($"A record of {record.Length} bytes has a field of {length} at {at}.");
        }

        var content = record.Slice(at, (int)length);
        at += (int)length;
        return content;
    }

    private static ulong ReadVarint(ReadOnlySpan<byte> bytes, scoped ref int at)
    {
        var value = 0ul;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (at >= bytes.Length)
            {
                break;
            }

            var next = bytes[at++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new FormatException($"A record of {bytes.Length} bytes has a number without an end at {at}.");
    }
}

/// <summary>What a record says; borrows its bytes.</summary>
public ref struct RecordFields
{
    public ReadOnlySpan<byte> Key { get; internal set; }

    public ReadOnlySpan<byte> Value { get; internal set; }

    public long Created { get; internal set; }

    public long Modified { get; internal set; }

    public long Version { get; internal set; }

    public long Lease { get; internal set; }

    /// <summary>The end of a life of the key.</summary>
    public readonly bool IsTombstone => Version == 0;
}
