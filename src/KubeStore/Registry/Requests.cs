using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Selectors;

namespace KubeStore.Registry;

/// <summary>Who asks.</summary>
public sealed record UserInfo(string Name)
{
    /// <summary>Nobody in particular, and allowed everything: the program itself.</summary>
    public static UserInfo Program { get; } = new("system:apiserver") { Groups = ["system:masters", "system:authenticated"] };

    /// <summary>Who has not said, or not proved, who they are.</summary>
    public static UserInfo Nobody { get; } = new("system:anonymous") { Groups = ["system:unauthenticated"] };

    public string Uid { get; init; } = "";

    public IReadOnlyList<string> Groups { get; init; } = [];
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

/// <summary>How a write is meant.</summary>
public sealed record WriteOptions
{
    public UserInfo User { get; init; } = UserInfo.Program;

    /// <summary>Everything is done but the write.</summary>
    public bool DryRun { get; init; }

    /// <summary>Who is said to own the fields.</summary>
    public string FieldManager { get; init; } = "unknown";

    public FieldValidation FieldValidation { get; init; } = FieldValidation.Ignore;

    /// <summary>Apply: takes fields away from those who own them.</summary>
    public bool Force { get; init; }

    /// <summary>Where words to the sender go that are no refusal.</summary>
    public ICollection<string> Warnings { get; init; } = new List<string>();
}

/// <summary>How a deletion is meant.</summary>
public sealed record DeleteOptions
{
    public UserInfo User { get; init; } = UserInfo.Program;

    public bool DryRun { get; init; }

    public long? GracePeriodSeconds { get; init; }

    public Resources.Propagation? Propagation { get; init; }

    /// <summary>Only the object of this uid.</summary>
    public string Uid { get; init; } = "";

    /// <summary>Only the object as it was in this version.</summary>
    public string ResourceVersion { get; init; } = "";
}

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

/// <summary>What a write has led to.</summary>
public sealed record WriteResult(KubeObject Object, bool IsCreated = false);

/// <summary>What a deletion has led to: the object is gone, or goes when its finalizers or its time have run out.</summary>
public sealed record DeleteResult(KubeObject Object, bool IsGone);

/// <summary>Selectors, read.</summary>
internal readonly record struct Selection(LabelSelector Labels, FieldSelector Fields)
{
    public bool IsEverything => Labels.IsEverything && Fields.IsEverything;

    public bool Matches(KubeObject value) => Labels.Matches(value.Labels) && (Fields.IsEverything || Fields.Matches(value.Field));

    public static Selection Of(Resources.ResourceDefinition resource, string labels, string fields)
    {
        try
        {
            var selection = new Selection(Selectors.LabelSelector.Parse(labels), Selectors.FieldSelector.Parse(fields));
            foreach (var requirement in selection.Fields.Requirements)
            {
                if (requirement.Field != "metadata.name"
                    && !(requirement.Field == "metadata.namespace" && resource.IsNamespaced)
                    && !resource.FieldSelectors.Contains(requirement.Field)
                    && !(requirement.Field == "metadata.namespace" && resource.IsBuiltIn))
                {
                    throw Failure.BadRequest(resource.FieldSelectors.Count > 0 && resource.IsBuiltIn
                        ? $"field label not supported: {requirement.Field}"
                        : $"\"{requirement.Field}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"");
                }
            }

            return selection;
        }
        catch (FormatException wrong)
        {
            throw Failure.BadRequest($"unable to parse requirement: {wrong.Message}");
        }
    }
}

/// <summary>What admission is asked about.</summary>
internal enum Operation
{
    Create,
    Update,
    Delete,
}

/// <summary>A write on its way to the store.</summary>
internal sealed class AdmissionRequest(
    Operation operation, Resources.ResourceDefinition resource, string subresource, string @namespace, string name, UserInfo user, bool isDryRun)
{
    public Operation Operation => operation;

    public Resources.ResourceDefinition Resource => resource;

    public string Subresource => subresource;

    public string Namespace => @namespace;

    public string Name => name;

    public UserInfo User => user;

    public bool IsDryRun => isDryRun;

    /// <summary>What is to be written; may be changed while that is asked for. Null for deletions.</summary>
    public JsonObject? Object { get; init; }

    /// <summary>What is there; null for creations.</summary>
    public JsonObject? OldObject { get; init; }
}

/// <summary>A step every write goes through.</summary>
internal interface IAdmissionStep
{
    /// <summary>May change what is to be written.</summary>
    ValueTask MutateAsync(AdmissionRequest request, CancellationToken cancellation) => default;

    /// <summary>May refuse, with a <see cref="StatusException"/>.</summary>
    ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellation) => default;
}
