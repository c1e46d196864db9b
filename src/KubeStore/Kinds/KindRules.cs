using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Resources;

namespace KubeStore.Kinds;

/// <summary>What holds for objects of one kind, beside what holds for all.</summary>
internal class KindRules
{
    private static readonly KindRules Plain = new();

    public static KindRules Of(ResourceDefinition resource) => resource.IsBuiltIn ? BuiltInKinds.Of(resource) : Plain;

    /// <summary>Fills in what the kind says of absent fields. Comes before everything else, with every write.</summary>
    public virtual void Default(JsonObject value)
    {
    }

    /// <summary>Fills in what only the server knows of a new object.</summary>
    public virtual void PrepareCreate(JsonObject value)
    {
    }

    /// <summary>Puts back what an update may not touch without being told so.</summary>
    public virtual void PrepareUpdate(JsonObject next, JsonObject old)
    {
    }

    public virtual void PrepareStatusUpdate(JsonObject next, JsonObject old)
    {
    }

    public virtual IEnumerable<FieldError> Problems(JsonObject value) => [];

    public virtual IEnumerable<FieldError> ProblemsOfUpdate(JsonObject next, JsonObject old) => [];

    /// <summary>How long it is given to end by itself; null if the kind knows no such thing.</summary>
    public virtual long? GracePeriod(JsonObject value, long? asked) => null;

    /// <summary>Whether something beside its finalizers keeps a terminating object.</summary>
    public virtual bool IsKept(JsonObject value) => false;

    /// <summary>Its deletion has begun.</summary>
    public virtual void BeginDelete(JsonObject value)
    {
    }

    protected static FieldError? Immutable(string field, JsonObject next, JsonObject old, params ReadOnlySpan<string> path)
        => JsonNode.DeepEquals(next.At(path), old.At(path)) ? null : FieldError.Invalid(field, next.At(path), "field is immutable");
}
