using System.Text.Json.Nodes;

namespace KubeStore.Objects;

/// <summary>The metadata of an object that is being worked on: a view of the tree, not a copy.</summary>
internal readonly struct ObjectMeta(JsonObject metadata)
{
    /// <summary>The view of an object's metadata, which are made if they are missing.</summary>
    public static ObjectMeta Of(JsonObject value) => new(value.Ensure("metadata"));

    public JsonObject Json => metadata;

    public string Name
    {
        get => metadata.TextAt("name");
        set => metadata["name"] = value;
    }

    public string GenerateName => metadata.TextAt("generateName");

    public string Namespace
    {
        get => metadata.TextAt("namespace");
        set => SetText("namespace", value);
    }

    public string Uid
    {
        get => metadata.TextAt("uid");
        set => SetText("uid", value);
    }

    public string ResourceVersion
    {
        get => metadata.TextAt("resourceVersion");
        set => SetText("resourceVersion", value);
    }

    public long? Generation
    {
        get => metadata.IntegerAt("generation");
        set => SetInteger("generation", value);
    }

    public string CreationTimestamp
    {
        get => metadata.TextAt("creationTimestamp");
        set => SetText("creationTimestamp", value);
    }

    public string DeletionTimestamp
    {
        get => metadata.TextAt("deletionTimestamp");
        set => SetText("deletionTimestamp", value);
    }

    public bool IsTerminating => DeletionTimestamp.Length > 0;

    public long? DeletionGracePeriodSeconds
    {
        get => metadata.IntegerAt("deletionGracePeriodSeconds");
        set => SetInteger("deletionGracePeriodSeconds", value);
    }

    public IReadOnlyList<string> Finalizers
    {
        get => [.. metadata.ArrayAt("finalizers").Texts()];
        set
        {
            if (value.Count == 0)
            {
                metadata.Remove("finalizers");
            }
            else
            {
                metadata["finalizers"] = JsonAccess.ToArray(value);
            }
        }
    }

    public JsonObject? Labels => metadata.ObjectAt("labels");

    public JsonObject? Annotations => metadata.ObjectAt("annotations");

    public IEnumerable<JsonObject> OwnerReferences => metadata.ArrayAt("ownerReferences").Objects();

    private void SetText(string name, string value)
    {
        if (value.Length == 0)
        {
            metadata.Remove(name);
        }
        else
        {
            metadata[name] = value;
        }
    }

    private void SetInteger(string name, long? value)
    {
        if (value is { } set)
        {
            metadata[name] = JsonValue.Create(set);
        }
        else
        {
            metadata.Remove(name);
        }
    }
}
