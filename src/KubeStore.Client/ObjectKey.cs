using KubeStore.Objects;

namespace KubeStore;

/// <summary>Which object of a kind: all that a controller is told of what has changed.</summary>
public readonly record struct ObjectKey(string Namespace, string Name)
{
    public static ObjectKey Of(KubeObject value) => new(value.Namespace, value.Name);

    public override string ToString() => Namespace.Length > 0 ? $"{Namespace}/{Name}" : Name;
}
