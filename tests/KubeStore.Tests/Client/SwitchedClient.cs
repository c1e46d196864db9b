using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore.Tests.Client;

/// <summary>A client whose connections can be cut, and whose server can be exchanged.</summary>
internal sealed class SwitchedClient(IKubeClient inner) : IKubeClient, IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<string> _asked = [];
    private CancellationTokenSource _connections = new();
    private IKubeClient _inner = inner;

    /// <summary>Nobody answers.</summary>
    public bool IsDown { get; set; }

    /// <summary>What was asked until now, in order: the verb and the version.</summary>
    public IReadOnlyList<string> Asked
    {
        get
        {
            lock (_gate)
            {
                return [.. _asked];
            }
        }
    }

    public void Use(IKubeClient other) => Volatile.Write(ref _inner, other);

    /// <summary>Every watch that is under way breaks.</summary>
    public void Cut()
    {
        CancellationTokenSource cut;
        lock (_gate)
        {
            cut = _connections;
            _connections = new();
        }

        // Not disposed of: a watch may be about to ask it.
        cut.Cancel();
    }

    public void Dispose() => _connections.Dispose();

    public Task<KubeObject> GetAsync(KubeResource resource, string ns, string name, CancellationToken cancellation = default)
        => Inner($"get {name}").GetAsync(resource, ns, name, cancellation);

    public async Task<ObjectList> ListAsync(KubeResource resource, string ns, ListOptions? options = null, CancellationToken cancellation = default)
        => await Inner($"list {options?.ResourceVersion}").ListAsync(resource, ns, options, cancellation);

    public async IAsyncEnumerable<WatchEvent> WatchAsync(
        KubeResource resource, string ns, WatchOptions options, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        CancellationToken cut;
        lock (_gate)
        {
            cut = _connections.Token;
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, cut);
        await using var events = Inner($"watch {options.ResourceVersion}").WatchAsync(resource, ns, options, either.Token).GetAsyncEnumerator(either.Token);
        while (true)
        {
            try
            {
                if (!await events.MoveNextAsync())
                {
                    yield break;
                }
            }
            catch (OperationCanceledException) when (cut.IsCancellationRequested && !cancellation.IsCancellationRequested)
            {
                throw new KubeUnreachableException("The connection was cut.");
            }

            yield return events.Current;
        }
    }

    public Task<KubeObject> CreateAsync(KubeResource resource, string ns, JsonObject body, KubeWrite? write = null, CancellationToken cancellation = default)
        => Inner("create").CreateAsync(resource, ns, body, write, cancellation);

    public Task<KubeObject> UpdateAsync(KubeResource resource, string ns, JsonObject body, KubeWrite? write = null, CancellationToken cancellation = default)
        => Inner("update").UpdateAsync(resource, ns, body, write, cancellation);

    public Task<KubeObject> PatchAsync(
        KubeResource resource, string ns, string name, PatchType type, JsonNode patch, KubeWrite? write = null, CancellationToken cancellation = default)
        => Inner("patch").PatchAsync(resource, ns, name, type, patch, write, cancellation);

    public Task DeleteAsync(KubeResource resource, string ns, string name, KubeDelete? delete = null, CancellationToken cancellation = default)
        => Inner("delete").DeleteAsync(resource, ns, name, delete, cancellation);

    private IKubeClient Inner(string what)
    {
        lock (_gate)
        {
            _asked.Add(what);
        }

        return IsDown ? throw new KubeUnreachableException("Nobody answers.") : Volatile.Read(ref _inner);
    }
}
