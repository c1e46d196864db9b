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

    /// <summary>Who says what they may do; null where everybody may do everything.</summary>
    internal Authz.RbacAuthorizer? Judge { get; init; }

    /// <summary>What else is said of them by whoever has let them in.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Extra { get; init; } = new Dictionary<string, IReadOnlyList<string>>();
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

    public Propagation? Propagation { get; init; }

    /// <summary>Only the object of this uid.</summary>
    public string Uid { get; init; } = "";

    /// <summary>Only the object as it was in this version.</summary>
    public string ResourceVersion { get; init; } = "";
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
