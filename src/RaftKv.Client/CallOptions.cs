namespace RaftKv.Client;

/// <summary>What every call can be told.</summary>
public record CallOptions
{
    /// <summary>How long it may take, repetitions included; <see cref="RaftKvClientOptions.Timeout"/> if nothing is said.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>How a key is read.</summary>
public record GetOptions : CallOptions
{
    /// <summary>The revision to read at; 0 for the latest.</summary>
    public long Revision { get; init; }

    /// <summary>Take what the next member has, however old. Quick, and works without a quorum.</summary>
    public bool IsSerializable { get; init; }
}

/// <summary>How a range is read.</summary>
public sealed record RangeOptions : GetOptions
{
    /// <summary>How many keys at most; 0 for all.</summary>
    public long Limit { get; init; }

    /// <summary>Leave values out.</summary>
    public bool KeysOnly { get; init; }

    /// <summary>Count, and return no keys.</summary>
    public bool CountOnly { get; init; }

    public RangeOrder Order { get; init; }

    public RangeOrderBy OrderBy { get; init; }

    /// <summary>Leave out what was changed before this revision; 0 leaves out nothing.</summary>
    public long MinModRevision { get; init; }

    /// <summary>Leave out what was changed after this revision; 0 leaves out nothing.</summary>
    public long MaxModRevision { get; init; }

    /// <summary>Leave out what was created before this revision; 0 leaves out nothing.</summary>
    public long MinCreateRevision { get; init; }

    /// <summary>Leave out what was created after this revision; 0 leaves out nothing.</summary>
    public long MaxCreateRevision { get; init; }
}

/// <summary>How a range is read piece by piece.</summary>
public sealed record ScanOptions : CallOptions
{
    /// <summary>The revision to read at; 0 for the latest when the first piece is read, and then that one to the end.</summary>
    public long Revision { get; init; }

    public bool IsSerializable { get; init; }

    public bool KeysOnly { get; init; }

    /// <summary>Keys asked for at once.</summary>
    public int PageSize { get; init; } = 1000;
}

public enum RangeOrder
{
    /// <summary>By key, ascending, unless <see cref="RangeOptions.OrderBy"/> says otherwise.</summary>
    None,
    Ascending,
    Descending,
}

public enum RangeOrderBy
{
    Key,
    Version,
    CreateRevision,
    ModRevision,
    Value,
}

/// <summary>How a key is put.</summary>
public sealed record PutOptions : CallOptions
{
    /// <summary>The lease that the key shall live as long as; 0 for none, which also takes it off the one it had.</summary>
    public long Lease { get; init; }

    /// <summary>Return what the key was before.</summary>
    public bool WantsPrevious { get; init; }

    /// <summary>Keep the value that the key has; it must exist, and the one given must be empty.</summary>
    public bool KeepsValue { get; init; }

    /// <summary>Keep the lease that the key has; it must exist.</summary>
    public bool KeepsLease { get; init; }
}

/// <summary>How keys are deleted.</summary>
public sealed record DeleteOptions : CallOptions
{
    /// <summary>Return what the keys were.</summary>
    public bool WantsPrevious { get; init; }
}

/// <summary>How history is compacted.</summary>
public sealed record CompactOptions : CallOptions
{
    /// <summary>Wait until the bytes are gone from the member that answers.</summary>
    public bool WaitsUntilGone { get; init; }
}
