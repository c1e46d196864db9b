using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore.Kinds;

internal sealed class NamespaceRules : KindRules
{
    private const string NameLabel = "kubernetes.io/metadata.name";
    private const string Finalizer = "kubernetes";

    public override void Default(JsonObject value)
    {
        var name = value.TextAt("metadata", "name");
        if (name.Length > 0)
        {
            value.Ensure("metadata").Ensure("labels")[NameLabel] = name;
        }
    }

    public override void PrepareCreate(JsonObject value)
    {
        var spec = value.Ensure("spec");
        var finalizers = spec.ArrayAt("finalizers").Texts().ToList();
        if (!finalizers.Contains(Finalizer))
        {
            spec["finalizers"] = JsonAccess.ToArray(finalizers.Append(Finalizer));
        }

        value["status"] = new JsonObject { ["phase"] = "Active" };
    }

    public override void PrepareUpdate(JsonObject next, JsonObject old)
    {
        // They go by an endpoint of their own.
        next.Ensure("spec").TakeFrom("finalizers", old.Ensure("spec"));
    }

    public override bool IsKept(JsonObject value) => value.ArrayAt("spec", "finalizers") is { Count: > 0 };

    public override void BeginDelete(JsonObject value) => value.Ensure("status")["phase"] = "Terminating";
}

internal sealed class SecretRules : KindRules
{
    private const int MaxBytes = 1024 * 1024;

    public override void Default(JsonObject value)
    {
        value.Default("type", "Opaque");
        if (!value.Remove("stringData", out var plain))
        {
            return;
        }

        var data = value.Ensure("data");
        foreach (var (key, text) in plain as JsonObject ?? [])
        {
            data[key] = Convert.ToBase64String(Encoding.UTF8.GetBytes(text.AsText() ?? ""));
        }
    }

    public override IEnumerable<FieldError> Problems(JsonObject value)
    {
        var total = 0;
        foreach (var (key, data) in value.ObjectAt("data") ?? [])
        {
            total += (data.AsText()?.Length ?? 0) * 3 / 4;
            if (!ConfigMapRules.IsKey(key))
            {
                yield return FieldError.Invalid($"data[{key}]", key, ConfigMapRules.KeyProblem);
            }
        }

        if (total > MaxBytes)
        {
            yield return FieldError.TooLong("data", MaxBytes);
        }

        foreach (var key in Required(value.TextAt("type")))
        {
            if (value.At("data", key) is null)
            {
                yield return FieldError.Required($"data[{key}]");
            }
        }
    }

    public override IEnumerable<FieldError> ProblemsOfUpdate(JsonObject next, JsonObject old)
    {
        if (Immutable("type", next, old, "type") is { } changed)
        {
            yield return changed;
        }

        foreach (var problem in ConfigMapRules.ProblemsOfFrozen(next, old, ["data"]))
        {
            yield return problem;
        }
    }

    private static string[] Required(string type) => type switch
    {
        "kubernetes.io/tls" => ["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => [".dockerconfigjson"],
        "kubernetes.io/dockercfg" => [".dockercfg"],
        "kubernetes.io/ssh-auth" => ["ssh-privatekey"],
        _ => [],
    };
}

internal sealed class ConfigMapRules : KindRules
{
    public const string KeyProblem = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
    private const int MaxBytes = 1024 * 1024;

    public static bool IsKey(string key)
        => key is { Length: > 0 and <= 253 } and not ("." or "..") && key.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.');

    public static IEnumerable<FieldError> ProblemsOfFrozen(JsonObject next, JsonObject old, string[] fields)
    {
        if (!old.FlagAt("immutable"))
        {
            yield break;
        }

        if (!next.FlagAt("immutable"))
        {
            yield return FieldError.Forbidden("immutable", "field is immutable when `immutable` is set");
        }

        foreach (var field in fields)
        {
            if (!JsonNode.DeepEquals(next.At(field), old.At(field)))
            {
                yield return FieldError.Forbidden(field, "field is immutable when `immutable` is set");
            }
        }
    }

    public override IEnumerable<FieldError> Problems(JsonObject value)
    {
        var total = 0;
        foreach (var field in (string[])["data", "binaryData"])
        {
            foreach (var (key, data) in value.ObjectAt(field) ?? [])
            {
                total += Encoding.UTF8.GetByteCount(data.AsText() ?? "");
                if (!IsKey(key))
                {
                    yield return FieldError.Invalid($"{field}[{key}]", key, KeyProblem);
                }
            }
        }

        if (total > MaxBytes)
        {
            yield return FieldError.TooLong("", MaxBytes);
        }
    }

    public override IEnumerable<FieldError> ProblemsOfUpdate(JsonObject next, JsonObject old) => ProblemsOfFrozen(next, old, ["data", "binaryData"]);
}

internal sealed class ClaimRules : KindRules
{
    public override void Default(JsonObject value) => value.Ensure("spec").Default("volumeMode", "Filesystem");

    public override void PrepareCreate(JsonObject value) => value["status"] = new JsonObject { ["phase"] = "Pending" };

    public override IEnumerable<FieldError> Problems(JsonObject value)
    {
        if (value.ArrayAt("spec", "accessModes") is null or { Count: 0 })
        {
            yield return FieldError.Required("spec.accessModes", "at least 1 access mode is required");
        }

        if (value.At("spec", "resources", "requests", "storage") is null)
        {
            yield return FieldError.Required("spec.resources[storage]");
        }
    }
}

internal sealed class VolumeRules : KindRules
{
    public override void Default(JsonObject value)
    {
        value.Ensure("spec").Default("persistentVolumeReclaimPolicy", "Retain");
        value.Ensure("spec").Default("volumeMode", "Filesystem");
    }

    public override void PrepareCreate(JsonObject value) => value["status"] = new JsonObject { ["phase"] = "Pending" };
}

internal sealed class LeaseRules : KindRules
{
    public override IEnumerable<FieldError> Problems(JsonObject value)
    {
        if (value.IntegerAt("spec", "leaseDurationSeconds") <= 0)
        {
            yield return FieldError.Invalid("spec.leaseDurationSeconds", value.At("spec", "leaseDurationSeconds"), "must be greater than 0");
        }
    }
}

internal sealed class AutoscalerRules : KindRules
{
    public override void Default(JsonObject value) => value.Ensure("spec").Default("minReplicas", JsonValue.Create(1L));

    public override IEnumerable<FieldError> Problems(JsonObject value)
    {
        if (!(value.IntegerAt("spec", "maxReplicas") > 0))
        {
            yield return FieldError.Invalid("spec.maxReplicas", value.At("spec", "maxReplicas") ?? JsonValue.Create(0L), "must be greater than 0");
        }
        else if (value.IntegerAt("spec", "maxReplicas") < value.IntegerAt("spec", "minReplicas"))
        {
            yield return FieldError.Invalid("spec.maxReplicas", value.At("spec", "maxReplicas"), "must be greater than or equal to `minReplicas`");
        }
    }
}

internal sealed class StorageClassRules : KindRules
{
    public override void Default(JsonObject value)
    {
        value.Default("reclaimPolicy", "Delete");
        value.Default("volumeBindingMode", "Immediate");
    }
}

internal sealed class PriorityClassRules : KindRules
{
    public override void Default(JsonObject value) => value.Default("preemptionPolicy", "PreemptLowerPriority");

    public override IEnumerable<FieldError> ProblemsOfUpdate(JsonObject next, JsonObject old)
    {
        if (!JsonNode.DeepEquals(next.At("value"), old.At("value")))
        {
            yield return FieldError.Forbidden("value", "may not be changed in an update.");
        }
    }
}
