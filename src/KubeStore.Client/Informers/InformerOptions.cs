namespace KubeStore.Informers;

/// <summary>What an informer keeps, and how patient it is.</summary>
public sealed record InformerOptions
{
    /// <summary>Of one namespace only; empty for all.</summary>
    public string Namespace { get; init; } = "";

    public string LabelSelector { get; init; } = "";

    public string FieldSelector { get; init; } = "";

    /// <summary>How often handlers see everything again; null for never.</summary>
    public TimeSpan? Resync { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The chance in pauses and in how long a watch is asked for: between 0 and 1.</summary>
    public Func<double> Chance { get; init; } = Random.Shared.NextDouble;

    /// <summary>Told what went wrong: with the server, which will be asked again, or in a handler, which goes on with what
    /// comes next.</summary>
    public Action<Exception>? Trouble { get; init; }
}

/// <summary>What is to be done when objects come, change and go. Each is called by one thread, in order, and keeps nobody
/// else waiting.</summary>
public sealed record InformerHandler
{
    /// <summary>An object is there; and whether it was among those that were there in the beginning.</summary>
    public Action<Objects.KubeObject, bool>? Added { get; init; }

    /// <summary>An object has changed: what it was, what it is. The same twice, if it is only to be looked at again.</summary>
    public Action<Objects.KubeObject, Objects.KubeObject>? Updated { get; init; }

    /// <summary>An object is gone: what is last known of it, and whether it was so in the end.</summary>
    public Action<Objects.KubeObject, bool>? Deleted { get; init; }
}
