using System.Text.Json.Nodes;
using KubeStore.Custom;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Resources;

namespace KubeStore.Controllers;

/// <summary>Brings the resources that definitions describe into the catalog and out of it, and says in the definitions how
/// that went.</summary>
internal sealed class CustomResourceController(KubeRegistry registry)
{
    private const string Group = "apiextensions.k8s.io";
    private static readonly WriteOptions Own = new() { FieldManager = "raftkv" };

    private ResourceDefinition Definitions => registry.Catalog.Find(Group, "v1", "customresourcedefinitions")!;

    /// <summary>What was established before is there from the start.</summary>
    public async Task LoadAsync(CancellationToken cancellation)
    {
        var all = await registry.ListAsync(Definitions, "", new(), cancellation).ConfigureAwait(false);
        foreach (var one in all.Items)
        {
            Register(one.ToJson());
        }
    }

    public Task RunAsync(CancellationToken stop)
        => KubeControllers.FollowAsync(registry, Definitions, happened => HappenedAsync(happened, stop), stop);

    private async Task HappenedAsync(WatchEvent happened, CancellationToken stop)
    {
        if (happened.Object is not { } seen)
        {
            return;
        }

        var definition = seen.ToJson();
        if (happened.Type == WatchEventType.Deleted)
        {
            await UnregisterAsync(definition).ConfigureAwait(false);
            return;
        }

        Register(definition);
        try
        {
            if (ObjectMeta.Of(definition).IsTerminating)
            {
                await EndAsync(definition, stop).ConfigureAwait(false);
            }
            else if (!CustomDefinitions.Has(definition, "Established"))
            {
                await EstablishAsync(seen.Name, stop).ConfigureAwait(false);
            }
        }
        catch (StatusException gone) when (gone.Status.Reason == "NotFound")
        {
            // It is over before it began.
        }
    }

    private void Register(JsonObject definition)
    {
        if (CustomDefinitions.Has(definition, "Established"))
        {
            registry.Catalog.Replace(definition.TextAt("spec", "group"), definition.TextAt("spec", "names", "plural"), CustomDefinitions.Of(definition));
        }
    }

    private async Task UnregisterAsync(JsonObject definition)
    {
        var (group, plural) = (definition.TextAt("spec", "group"), definition.TextAt("spec", "names", "plural"));
        var versions = registry.Catalog.All.Where(one => one.IsCustom && one.Group == group && one.Plural == plural).ToList();
        registry.Catalog.Remove(group, plural);
        foreach (var version in versions.Take(1))
        {
            await registry.DropCacheAsync(version).ConfigureAwait(false);
        }
    }

    private async Task EstablishAsync(string name, CancellationToken stop)
    {
        var others = (await registry.ListAsync(Definitions, "", new(), stop).ConfigureAwait(false)).Items
            .Where(one => one.Name != name).Select(one => one.ToJson()).ToList();
        await registry.ChangeAsync(Definitions, "", name, "status", Established, Own, ChangeRules.None, stop).ConfigureAwait(false);

        // Served before anybody reads that it is. If the definition goes meanwhile, what was put into the catalog goes with it.
        JsonObject Established(JsonObject current)
        {
            var established = WithNames(current, others);
            Register((JsonObject)established.DeepClone());
            return established;
        }
    }

    private JsonObject WithNames(JsonObject current, IEnumerable<JsonObject> others)
    {
        var names = current.ObjectAt("spec", "names")!;
        var taken = others.Where(one => one.TextAt("spec", "group") == current.TextAt("spec", "group")).Select(one => one.ObjectAt("status", "acceptedNames")).ToList();
        var resources = taken.SelectMany(one => one.ArrayAt("shortNames").Texts().Append(one.TextAt("plural")).Append(one.TextAt("singular"))).Where(one => one.Length > 0).ToHashSet();
        var kinds = taken.SelectMany(one => (string[])[one.TextAt("kind"), one.TextAt("listKind")]).Where(one => one.Length > 0).ToHashSet();
        var (reason, word) = resources.Contains(names.TextAt("plural")) ? ("PluralConflict", names.TextAt("plural"))
            : resources.Contains(names.TextAt("singular")) ? ("SingularConflict", names.TextAt("singular"))
            : names.ArrayAt("shortNames").Texts().FirstOrDefault(resources.Contains) is { } taken1 ? ("ShortNamesConflict", taken1)
            : kinds.Contains(names.TextAt("kind")) ? ("KindConflict", names.TextAt("kind"))
            : kinds.Contains(names.TextAt("listKind")) ? ("ListKindConflict", names.TextAt("listKind"))
            : ("", "");
        var status = current.Ensure("status");
        if (reason.Length == 0)
        {
            status["acceptedNames"] = names.DeepClone();
            SetCondition(status, "NamesAccepted", true, "NoConflicts", "no conflicts found");
            SetCondition(status, "Established", true, "InitialNamesAccepted", "the initial names have been accepted");
        }
        else
        {
            SetCondition(status, "NamesAccepted", false, reason, $"\"{word}\" is already in use");
            SetCondition(status, "Established", false, "NotAccepted", "not all names are accepted");
        }

        return current;
    }

    private async Task EndAsync(JsonObject definition, CancellationToken stop)
    {
        var name = definition.TextAt("metadata", "name");
        if (!ObjectMeta.Of(definition).Finalizers.Contains(CustomDefinitions.CleanupFinalizer))
        {
            return;
        }

        var resource = CustomDefinitions.Has(definition, "Established") && CustomDefinitions.Of(definition) is [var first, ..] ? first : null;
        if (resource is not null && !CustomDefinitions.Has(definition, "Terminating"))
        {
            // From here on nothing new comes; the change brings us back to this place.
            await registry.ChangeAsync(
                Definitions,
                "",
                name,
                "status",
                current =>
                {
                    SetCondition(current.Ensure("status"), "Terminating", true, "InstanceDeletionInProgress", "CustomResource deletion is in progress");
                    return current;
                },
                Own,
                ChangeRules.None,
                stop).ConfigureAwait(false);
            return;
        }

        while (resource is not null && !stop.IsCancellationRequested)
        {
            await registry.DeleteCollectionAsync(resource, "", new(), new() { Propagation = Propagation.Background }, stop).ConfigureAwait(false);
            if ((await registry.ListAsync(resource, "", new(), stop).ConfigureAwait(false)).Items.Count == 0)
            {
                break;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), registry.Time, stop).ConfigureAwait(false);
        }

        // Not served any more when somebody sees the definition go.
        await UnregisterAsync(definition).ConfigureAwait(false);
        await registry.ChangeAsync(
            Definitions,
            "",
            name,
            "",
            current =>
            {
                var meta = ObjectMeta.Of(current);
                meta.Finalizers = [.. meta.Finalizers.Where(one => one != CustomDefinitions.CleanupFinalizer)];
                return current;
            },
            Own,
            ChangeRules.None,
            stop).ConfigureAwait(false);
    }

    private void SetCondition(JsonObject status, string type, bool isTrue, string reason, string message)
    {
        var others = status.ArrayAt("conditions").Objects().Where(one => one.TextAt("type") != type).Select(one => one.DeepClone());
        status["conditions"] = JsonAccess.ToArray(others.Append(new JsonObject
        {
            ["type"] = type,
            ["status"] = isTrue ? "True" : "False",
            ["lastTransitionTime"] = KubeTime.Seconds(registry.Time.GetUtcNow()),
            ["reason"] = reason,
            ["message"] = message,
        }));
    }
}
