using KubeStore.Objects;

namespace KubeStore.Informers;

internal enum DeltaType
{
    Added,
    Updated,
    Deleted,

    /// <summary>It was found by a list, which says nothing of what happened.</summary>
    Replaced,

    /// <summary>Nothing happened; handlers want to look at it again.</summary>
    Sync,
}

/// <summary>Something that is known to have happened to an object.</summary>
/// <param name="Type">What.</param>
/// <param name="Object">What it is now; what was last known of it, if it is gone.</param>
/// <param name="IsFinal">Of a deletion: whether the object is as it was in the end. If not, the deletion was missed, and told
/// by a list that does not have the object any more.</param>
internal readonly record struct Delta(DeltaType Type, KubeObject Object, bool IsFinal = true);
