using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.State.Requests;

/// <summary>The order of a range's answer. The numbers are etcd's.</summary>
public enum SortOrder
{
    None = 0,
    Ascend = 1,
    Descend = 2,
}

/// <summary>What a range's answer is ordered by. The numbers are etcd's.</summary>
public enum SortTarget
{
    Key = 0,
    Version = 1,
    Created = 2,
    Modified = 3,
    Value = 4,
}

/// <summary>A read, as its request says it: <c>etcdserverpb.RangeRequest</c>.</summary>
public readonly record struct RangeQuery
{
    public ReadOnlyMemory<byte> Key { get; init; }

    public ReadOnlyMemory<byte> RangeEnd { get; init; }

    /// <summary>Nothing or less than that: no limit.</summary>
    public long Limit { get; init; }

    public long Revision { get; init; }

    public SortOrder Order { get; init; }

    public SortTarget Target { get; init; }

    public bool IsSerializable { get; init; }

    public bool IsKeysOnly { get; init; }

    public bool IsCountOnly { get; init; }

    public long MinModified { get; init; }

    public long MaxModified { get; init; }

    public long MinCreated { get; init; }

    public long MaxCreated { get; init; }

    public KeyRange Range => KeyRange.Of(Key, RangeEnd);

    /// <summary>Whether some keys of the range are left out by their revisions.</summary>
    public bool HasFilter => (MinModified | MaxModified | MinCreated | MaxCreated) != 0;

    /// <exception cref="WireFormatException">These are not the bytes of a request.</exception>
    public static RangeQuery Read(ReadOnlyMemory<byte> message)
    {
        ReadOnlyMemory<byte> key = default;
        ReadOnlyMemory<byte> end = default;
        long limit = 0, revision = 0, minModified = 0, maxModified = 0, minCreated = 0, maxCreated = 0;
        int order = 0, target = 0;
        bool isSerializable = false, isKeysOnly = false, isCountOnly = false;
        var fields = new WireReader(message);
        while (fields.Next())
        {
            switch (fields.Field)
            {
                case 1: key = fields.Bytes(); break;
                case 2: end = fields.Bytes(); break;
                case 3: limit = fields.Number(); break;
                case 4: revision = fields.Number(); break;
                case 5: order = fields.Enum(); break;
                case 6: target = fields.Enum(); break;
                case 7: isSerializable = fields.Flag(); break;
                case 8: isKeysOnly = fields.Flag(); break;
                case 9: isCountOnly = fields.Flag(); break;
                case 10: minModified = fields.Number(); break;
                case 11: maxModified = fields.Number(); break;
                case 12: minCreated = fields.Number(); break;
                case 13: maxCreated = fields.Number(); break;
                default: fields.Skip(); break;
            }
        }

        return new RangeQuery
        {
            Key = key,
            RangeEnd = end,
            Limit = limit,
            Revision = revision,
            Order = (SortOrder)order,
            Target = (SortTarget)target,
            IsSerializable = isSerializable,
            IsKeysOnly = isKeysOnly,
            IsCountOnly = isCountOnly,
            MinModified = minModified,
            MaxModified = maxModified,
            MinCreated = minCreated,
            MaxCreated = maxCreated,
        };
    }
}
