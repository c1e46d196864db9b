using System.Text.Json.Nodes;
using KubeStore.Registry;
using KubeStore.Resources;

namespace KubeStore.Admission;

/// <summary>What admission is asked about. Reads are never asked about.</summary>
public enum AdmissionOperation
{
    Create,
    Update,
    Delete,
}

/// <summary>A write on its way to the store.</summary>
public sealed class AdmissionRequest
{
    internal AdmissionRequest(
        AdmissionOperation operation, ResourceDefinition resource, string subresource, string ns, string name, UserInfo user, bool isDryRun)
    {
        Operation = operation;
        Resource = resource;
        Subresource = subresource;
        Namespace = ns;
        Name = name;
        User = user;
        IsDryRun = isDryRun;
    }

    public AdmissionOperation Operation { get; }

    public ResourceDefinition Resource { get; }

    /// <summary>The part of the object that is written; empty for the object.</summary>
    public string Subresource { get; }

    public string Namespace { get; }

    /// <summary>Empty for an object whose name is still to be made up.</summary>
    public string Name { get; }

    public UserInfo User { get; }

    /// <summary>Nothing will be written, so nothing else may be.</summary>
    public bool IsDryRun { get; }

    /// <summary>Where words to the sender go that are no refusal: kubectl shows each as a warning.</summary>
    public ICollection<string> Warnings { get; internal init; } = [];

    /// <summary>What is to be written; may be changed while that is asked for. Null for deletions.</summary>
    public JsonObject? Object { get; internal init; }

    /// <summary>What is there; null for creations.</summary>
    public JsonObject? OldObject { get; internal init; }

    /// <summary>Whether an object of this resource is being made, the object itself and not a part of it.</summary>
    internal bool Creates(string group, string plural)
        => Operation == AdmissionOperation.Create && Subresource.Length == 0 && Resource.Group == group && Resource.Plural == plural;
}

/// <summary>
/// A step that every write goes through: first all steps may change what is to be written, one after the other, then it is
/// validated, then all may refuse.
/// </summary>
/// <remarks>A write that meets another one is tried again, and its steps with it: what they do beside must bear that.</remarks>
/// <example><code>
/// sealed class TeamLabel : IAdmissionStep
/// {
///     public ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellation)
///         => request.Object?["metadata"]?["labels"]?["team"] is null
///             ? throw new StatusException(new Status(403, "Forbidden", "whose is it? It needs a label \"team\"."))
///             : default;
/// }
///
/// registry.AddAdmission(new TeamLabel());
/// </code></example>
public interface IAdmissionStep
{
    /// <summary>May change what is to be written.</summary>
    ValueTask MutateAsync(AdmissionRequest request, CancellationToken cancellation) => default;

    /// <summary>May refuse, with a <see cref="Failures.StatusException"/>.</summary>
    ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellation) => default;
}
