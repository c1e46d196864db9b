using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore;

/// <summary>
/// The API as a program asks it: of a registry in this process, or of any API server there is. Whoever is written against
/// this does not know which of the two it is.
/// </summary>
/// <remarks>
/// What is refused is a <see cref="StatusException"/>. Where nobody answered it is a <see cref="KubeUnreachableException"/>;
/// then a write may have happened.
/// </remarks>
/// <example><code>
/// IKubeClient kube = new HttpKubeClient(new() { Server = new Uri("http://127.0.0.1:8001") });
/// var pod = await kube.GetAsync(KubeResource.Pods, "default", "web-1");
/// </code></example>
public interface IKubeClient
{
    /// <summary>One object as it is now.</summary>
    Task<KubeObject> GetAsync(KubeResource resource, string ns, string name, CancellationToken cancellation = default);

    /// <summary>Objects of one namespace, or of all if none is given.</summary>
    Task<ObjectList> ListAsync(KubeResource resource, string ns, ListOptions? options = null, CancellationToken cancellation = default);

    /// <summary>Changes as they happen. Ends when it has to, and whoever still wants to know watches again from where it was.</summary>
    /// <remarks>A refusal on the way is an event of the kind <see cref="WatchEventType.Error"/>, one at the beginning an exception.</remarks>
    IAsyncEnumerable<WatchEvent> WatchAsync(KubeResource resource, string ns, WatchOptions options, CancellationToken cancellation = default);

    Task<KubeObject> CreateAsync(KubeResource resource, string ns, JsonObject body, KubeWrite? write = null, CancellationToken cancellation = default);

    /// <summary>Puts an object in the place of that of its name, if that is still of the version it names.</summary>
    Task<KubeObject> UpdateAsync(KubeResource resource, string ns, JsonObject body, KubeWrite? write = null, CancellationToken cancellation = default);

    Task<KubeObject> PatchAsync(
        KubeResource resource, string ns, string name, PatchType type, JsonNode patch, KubeWrite? write = null, CancellationToken cancellation = default);

    Task DeleteAsync(KubeResource resource, string ns, string name, KubeDelete? delete = null, CancellationToken cancellation = default);
}

/// <summary>Nobody answered, or the answer broke off.</summary>
public sealed class KubeUnreachableException(string message, Exception? cause = null) : Exception(message, cause);
