using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore.Tests.Informers;

/// <summary>A server that says what it is told to, and writes down what it was asked.</summary>
internal sealed class ScriptedClient : IKubeClient
{
    private readonly Channel<Func<ObjectList>> _lists = Channel.CreateUnbounded<Func<ObjectList>>();
    private readonly Channel<object[]> _watches = Channel.CreateUnbounded<object[]>();

    /// <summary>What was asked, in order.</summary>
    public Channel<string> Asked { get; } = Channel.CreateUnbounded<string>();

    public ScriptedClient Lists(long version, params KubeObject[] items)
    {
        _lists.Writer.TryWrite(() => new(items, version));
        return this;
    }

    public ScriptedClient RefusesToList(Exception refusal)
    {
        _lists.Writer.TryWrite(() => throw refusal);
        return this;
    }

    /// <summary>A watch that says these events, or fails with these exceptions, and ends.</summary>
    public ScriptedClient Watches(params object[] said)
    {
        _watches.Writer.TryWrite(said);
        return this;
    }

    public static KubeObject ConfigMap(string name, long version, string uid = "u") => KubeObject.Read(
        KubeObject.Encode(new()
        {
            ["kind"] = "ConfigMap",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default", ["uid"] = uid },
        }),
        version);

    public static WatchEvent Added(string name, long version, string uid = "u") => new(WatchEventType.Added, ConfigMap(name, version, uid), version);

    public static WatchEvent Modified(string name, long version) => new(WatchEventType.Modified, ConfigMap(name, version), version);

    public static WatchEvent Deleted(string name, long version) => new(WatchEventType.Deleted, ConfigMap(name, version), version);

    public static WatchEvent Bookmark(long version) => new(WatchEventType.Bookmark, null, version);

    public static StatusException Expired() => new(new Status(410, "Expired", "too old"));

    public static WatchEvent TooOld() => new(WatchEventType.Error, null, 0) { Error = Expired().Status };

    public async Task<ObjectList> ListAsync(KubeResource resource, string ns, ListOptions? options = null, CancellationToken cancellation = default)
    {
        Asked.Writer.TryWrite($"list {options!.ResourceVersion}".TrimEnd());
        return (await _lists.Reader.ReadAsync(cancellation))();
    }

    public async IAsyncEnumerable<WatchEvent> WatchAsync(
        KubeResource resource, string ns, WatchOptions options, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        Asked.Writer.TryWrite(FormattableString.Invariant(
            $"watch {options.ResourceVersion} for {options.Timeout!.Value.TotalSeconds}s{(options.AllowBookmarks ? " with bookmarks" : "")}"));
        foreach (var said in await _watches.Reader.ReadAsync(cancellation))
        {
            yield return said is WatchEvent happened ? happened : throw (Exception)said;
        }
    }

    public Task<KubeObject> GetAsync(KubeResource resource, string ns, string name, CancellationToken cancellation = default) => throw new NotSupportedException();

    public Task<KubeObject> CreateAsync(KubeResource resource, string ns, JsonObject body, KubeWrite? write = null, CancellationToken cancellation = default)
        => throw new NotSupportedException();

    public Task<KubeObject> UpdateAsync(KubeResource resource, string ns, JsonObject body, KubeWrite? write = null, CancellationToken cancellation = default)
        => throw new NotSupportedException();

    public Task<KubeObject> PatchAsync(
        KubeResource resource, string ns, string name, PatchType type, JsonNode patch, KubeWrite? write = null, CancellationToken cancellation = default)
        => throw new NotSupportedException();

    public Task DeleteAsync(KubeResource resource, string ns, string name, KubeDelete? delete = null, CancellationToken cancellation = default)
        => throw new NotSupportedException();
}
