using Wire = RaftKv.Protocol.Etcd;

namespace RaftKv.Client;

/// <summary>Something that must be so for a <see cref="Transaction"/> to take its first branch.</summary>
/// <example><code>
/// Condition.Missing("key")
/// Condition.ModRevision("key").Is(42)
/// Condition.Value("key").IsNot("old")
/// </code></example>
public sealed class Condition
{
    private Condition(Wire.Compare message) => Message = message;

    internal Wire.Compare Message { get; }

    /// <summary>The key is not there.</summary>
    public static Condition Missing(KvBytes key) => CreateRevision(key).Is(0);

    /// <summary>The key is there.</summary>
    public static Condition Exists(KvBytes key) => CreateRevision(key).IsNot(0);

    /// <summary>How often the key was put since it was created; 0 if it is not there.</summary>
    public static Number Version(KeyRange keys) => new(
        keys,
        Wire.Compare.Types.CompareTarget.Version,
        static (wire, value) => wire.Version = value);

    /// <summary>The revision that created the key; 0 if it is not there.</summary>
    public static Number CreateRevision(KeyRange keys) => new(
        keys,
        Wire.Compare.Types.CompareTarget.Create,
        static (wire, value) => wire.CreateRevision = value);

    /// <summary>The revision of the key's last change; 0 if it is not there.</summary>
    public static Number ModRevision(KeyRange keys) => new(
        keys,
        Wire.Compare.Types.CompareTarget.Mod,
        static (wire, value) => wire.ModRevision = value);

    /// <summary>The lease of the key; 0 if it has none or is not there.</summary>
    public static Number Lease(KeyRange keys) => new(
        keys,
        Wire.Compare.Types.CompareTarget.Lease,
        static (wire, value) => wire.Lease = value);

    /// <summary>The key's value. If it is not there, nothing that is said of its value holds.</summary>
    public static Content Value(KeyRange keys) => new(keys);

    private static Wire.Compare NewWire(KeyRange keys, Wire.Compare.Types.CompareTarget target, Wire.Compare.Types.CompareResult result) => new()
    {
        Key = keys.WireKey,
        RangeEnd = keys.WireEnd,
        Target = target,
        Result = result,
    };

    /// <summary>A number of a key, which waits to be compared. Of a range, what is said must hold for every key in it.</summary>
    public readonly struct Number
    {
        private readonly KeyRange _keys;
        private readonly Wire.Compare.Types.CompareTarget _target;
        private readonly Action<Wire.Compare, long> _set;

        internal Number(KeyRange keys, Wire.Compare.Types.CompareTarget target, Action<Wire.Compare, long> set)
        {
            _keys = keys;
            _target = target;
            _set = set;
        }

        public Condition Is(long number) => Than(Wire.Compare.Types.CompareResult.Equal, number);

        public Condition IsNot(long number) => Than(Wire.Compare.Types.CompareResult.NotEqual, number);

        public Condition IsGreaterThan(long number) => Than(Wire.Compare.Types.CompareResult.Greater, number);

        public Condition IsLessThan(long number) => Than(Wire.Compare.Types.CompareResult.Less, number);

        private Condition Than(Wire.Compare.Types.CompareResult result, long number)
        {
            var wire = NewWire(_keys, _target, result);
            _set(wire, number);
            return new(wire);
        }
    }

    /// <summary>The value of a key, which waits to be compared.</summary>
    public readonly struct Content
    {
        private readonly KeyRange _keys;

        internal Content(KeyRange keys) => _keys = keys;

        public Condition Is(KvBytes value) => Than(Wire.Compare.Types.CompareResult.Equal, value);

        public Condition IsNot(KvBytes value) => Than(Wire.Compare.Types.CompareResult.NotEqual, value);

        public Condition IsGreaterThan(KvBytes value) => Than(Wire.Compare.Types.CompareResult.Greater, value);

        public Condition IsLessThan(KvBytes value) => Than(Wire.Compare.Types.CompareResult.Less, value);

        private Condition Than(Wire.Compare.Types.CompareResult result, KvBytes value)
        {
            var wire = NewWire(_keys, Wire.Compare.Types.CompareTarget.Value, result);
            wire.Value = value.Wire;
            return new(wire);
        }
    }
}
