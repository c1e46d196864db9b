namespace KubeStore;

/// <summary>The ways to say what should be different.</summary>
public enum PatchType
{
    /// <summary>RFC 6902: operations.</summary>
    Json,

    /// <summary>RFC 7386: a document laid over.</summary>
    Merge,

    /// <summary>A document laid over by the schema; for built-in kinds.</summary>
    Strategic,

    /// <summary>All that a manager wants.</summary>
    Apply,
}

/// <summary>What is done about fields that nobody declared, and names that come twice.</summary>
public enum FieldValidation
{
    /// <summary>They are dropped, and the sender is warned.</summary>
    Warn,

    /// <summary>They are dropped.</summary>
    Ignore,

    /// <summary>They are refused.</summary>
    Strict,
}

/// <summary>What becomes of an object's dependents when it is deleted and nobody says.</summary>
public enum Propagation
{
    Background,
    Foreground,
    Orphan,
}

/// <summary>How a client means a write.</summary>
public sealed record KubeWrite
{
    internal static KubeWrite Plain { get; } = new();

    /// <summary>Who is said to own the fields; empty for what the client is called.</summary>
    public string FieldManager { get; init; } = "";

    /// <summary>Everything is done but the write.</summary>
    public bool DryRun { get; init; }

    public FieldValidation FieldValidation { get; init; } = FieldValidation.Ignore;

    /// <summary>Apply: takes fields away from those who own them.</summary>
    public bool Force { get; init; }

    /// <summary>The part of the object that is meant, <c>status</c> for one; empty for the object.</summary>
    public string Subresource { get; init; } = "";
}

/// <summary>How a client means a deletion.</summary>
public sealed record KubeDelete
{
    internal static KubeDelete Plain { get; } = new();

    /// <summary>Everything is done but the deletion.</summary>
    public bool DryRun { get; init; }

    public long? GracePeriodSeconds { get; init; }

    public Propagation? Propagation { get; init; }

    /// <summary>Only the object of this uid.</summary>
    public string Uid { get; init; } = "";

    /// <summary>Only the object as it was in this version.</summary>
    public string ResourceVersion { get; init; } = "";
}
