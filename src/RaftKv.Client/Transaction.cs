using Wire = RaftKv.Protocol.Etcd;

namespace RaftKv.Client;

/// <summary>
/// Operations that happen at once, at one revision, if conditions hold; others if not. A builder, not thread-safe; it may
/// be committed more than once.
/// </summary>
/// <example><code>
/// var result = await client.CommitAsync(new Transaction()
///     .If(Condition.Missing("owner"))
///     .Then(Operation.Put("owner", "me"))
///     .Else(Operation.Get("owner")));
/// </code></example>
public sealed class Transaction
{
    private readonly List<Condition> _conditions = [];
    private readonly List<Operation> _then = [];
    private readonly List<Operation> _else = [];

    /// <summary>Adds conditions. All must hold; without any, they do.</summary>
    public Transaction If(params ReadOnlySpan<Condition> conditions)
    {
        _conditions.AddRange(conditions);
        return this;
    }

    /// <summary>Adds what happens if all conditions hold.</summary>
    public Transaction Then(params ReadOnlySpan<Operation> operations)
    {
        _then.AddRange(operations);
        return this;
    }

    /// <summary>Adds what happens if one condition does not hold.</summary>
    public Transaction Else(params ReadOnlySpan<Operation> operations)
    {
        _else.AddRange(operations);
        return this;
    }

    /// <summary>Whether it changes nothing, whichever branch is taken.</summary>
    internal bool IsReadOnly => _then.TrueForAll(one => one.IsReadOnly) && _else.TrueForAll(one => one.IsReadOnly);

    internal Wire.TxnRequest ToWire()
    {
        var wire = new Wire.TxnRequest();
        wire.Compare.AddRange(_conditions.Select(one => one.Message));
        wire.Success.AddRange(_then.Select(one => one.Message));
        wire.Failure.AddRange(_else.Select(one => one.Message));
        return wire;
    }
}
