using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore;

/// <summary>Which objects, and as of when.</summary>
public sealed record ListOptions
{
    public string LabelSelector { get; init; } = "";

    public string FieldSelector { get; init; } = "";

    /// <summary>Empty: as it is now. "0": whatever is at hand. Else: not older than this, or exactly this.</summary>
    public string ResourceVersion { get; init; } = "";

    /// <summary>Empty, <c>Exact</c> or <c>NotOlderThan</c>.</summary>
    public string ResourceVersionMatch { get; init; } = "";

    public long Limit { get; init; }

    public string Continue { get; init; } = "";
}

/// <summary>Which changes, and from when on.</summary>
public sealed record WatchOptions
{
    public string LabelSelector { get; init; } = "";

    public string FieldSelector { get; init; } = "";

    public string ResourceVersion { get; init; } = "";

    public string ResourceVersionMatch { get; init; } = "";

    public bool AllowBookmarks { get; init; }

    public bool? SendInitialEvents { get; init; }

    /// <summary>When the watch ends by itself.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>Objects, and where they were seen.</summary>
public sealed record ObjectList(IReadOnlyList<KubeObject> Items, long Revision)
{
    /// <summary>With what to ask for the next page; empty if this is the last.</summary>
    public string Continue { get; init; } = "";

    public long? RemainingItemCount { get; init; }
}

/// <summary>What has happened to an object a watcher sees.</summary>
public enum WatchEventType
{
    Added,
    Modified,
    Deleted,

    /// <summary>Nothing but that everything up to a version has been told.</summary>
    Bookmark,

    /// <summary>The watch cannot go on.</summary>
    Error,
}

/// <summary>What a watcher is told.</summary>
public sealed record WatchEvent(WatchEventType Type, KubeObject? Object, long Revision)
{
    /// <summary>A bookmark that ends the objects that were there at the beginning.</summary>
    public bool EndsInitialEvents { get; init; }

    public Status? Error { get; init; }
}
