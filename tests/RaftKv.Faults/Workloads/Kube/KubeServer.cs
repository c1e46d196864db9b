using System.Text.Json.Nodes;
using KubeStore;
using KubeStore.Controllers;
using KubeStore.Informers;
using KubeStore.Objects;
using KubeStore.Registry;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Faults.Running;
using RaftKv.Rpc.Client;

namespace RaftKv.Faults.Workloads.Kube;

/// <summary>
/// A server of the API without its HTTP, an informer of it that writes down what it is told, and maybe a controller, which
/// writes down what it deals with.
/// </summary>
internal sealed class KubeServer : IAsyncDisposable
{
    public const string Namespace = "default";
    public static readonly KubeResource Resource = KubeResource.ReplicaSets;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    private readonly RpcChannel _channel;
    private readonly KubeRegistry _registry;
    private readonly SharedInformer _informer;
    private readonly Controller? _controller;
    private readonly CancellationTokenSource _stop = new();
    private readonly Recorder _recorder;
    private readonly int _process;
    private readonly Dictionary<string, KeyState?> _reconciled = new(StringComparer.Ordinal);
    private readonly Task _controlling = Task.CompletedTask;

    /// <param name="session">Whose cluster it is on.</param>
    /// <param name="process">By which number it is known in the history.</param>
    /// <param name="isControlled">Whether it has a controller.</param>
    public KubeServer(ClientSession session, int process, bool isControlled)
    {
        _process = process;
        _recorder = session.Recorder;
        _channel = new RpcChannel(new RpcChannelOptions
        {
            Addresses = session.Cluster.Endpoints,
            ConnectTimeout = TimeSpan.FromSeconds(1),
            MaxReceiveMessageBytes = int.MaxValue,
        });
        _registry = new KubeRegistry(_channel, new() { Admission = [] });
        Kube = new RegistryClient(_registry);
        _informer = new SharedInformer(Kube, Resource);
        _informer.AddHandler(new()
        {
            Added = (now, _) => Tell(now, isThere: true),
            Updated = (_, now) => Tell(now, isThere: true),
            Deleted = (last, _) => Tell(last, isThere: false),
        });
        _informer.Start();
        if (isControlled)
        {
            _controller = new Controller(ReconcileAsync);
            _controller.Watch(_informer);
            _controlling = _controller.RunAsync(_stop.Token);
        }
    }

    public IKubeClient Kube { get; }

    public static JsonObject NewObject(string name, int replicas) => new()
    {
        ["apiVersion"] = Resource.ApiVersion,
        ["kind"] = Resource.Kind,
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = Namespace },
        ["spec"] = new JsonObject
        {
            ["replicas"] = replicas,
            ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["app"] = "web" } },
            ["template"] = new JsonObject
            {
                ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["app"] = "web" } },
                ["spec"] = new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["name"] = "web", ["image"] = "web" }) },
            },
        },
    };

    public static KeyState StateOf(KubeObject value) => new()
    {
        Key = value.Name,
        Value = $"{value.Uid}/{value.Field("spec.replicas")}",
        Modified = value.Revision,
        Version = value.ToJson()["metadata"]!["generation"]!.GetValue<long>(),
    };

    /// <summary>Waits until the informer has come to a revision and its controller has dealt with all that there is, and writes
    /// down what it has.</summary>
    public async Task EndAsync(long revision, IReadOnlyList<KeyState> there, CancellationToken patience)
    {
        var copy = new Invocation { Process = _process, Call = InformerCopies.Copy, Begin = _recorder.Now, End = 0, Outcome = Outcome.Ok };
        string? missing;
        while ((missing = Missing(revision, there)) is not null && !patience.IsCancellationRequested)
        {
            await Task.Delay(Look, CancellationToken.None);
        }

        _recorder.Add(copy with
        {
            End = _recorder.Now,
            Revision = _informer.Revision,

            // What its controller has not dealt with is judged by itself.
            Done = _informer.Revision >= revision,
            Error = missing,
            Entries = [.. _informer.Store.All().Select(StateOf)],
        });
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _controlling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await (_controller?.DisposeAsync() ?? default);
        await _informer.DisposeAsync();
        await _registry.DisposeAsync();
        await _channel.DisposeAsync();
        _stop.Dispose();
    }

    private string? Missing(long revision, IReadOnlyList<KeyState> there)
    {
        if (_informer.Revision < revision)
        {
            return $"it is at {_informer.Revision}";
        }

        lock (_reconciled)
        {
            var isDone = there.All(now => _reconciled.GetValueOrDefault(now.Key!) == now)
                && _reconciled.All(one => one.Value is null || there.Any(now => now.Key == one.Key));
            return _controller is null || isDone ? null : "its controller is not done";
        }
    }

    private void Tell(KubeObject value, bool isThere)
    {
        var now = _recorder.Now;
        _recorder.Add(new Invocation { Process = _process, Call = InformerCopies.Told, Key = value.Name, Begin = now, End = now, Outcome = Outcome.Ok, Done = isThere, Found = StateOf(value) });
    }

    private Task<TimeSpan?> ReconcileAsync(ObjectKey key, CancellationToken stop)
    {
        var begin = _recorder.Now;
        var found = _informer.Store.Find(key) is { } value ? StateOf(value) : null;
        lock (_reconciled)
        {
            _reconciled[key.Name] = found;
        }

        _recorder.Add(new Invocation { Process = _process, Call = InformerCopies.Reconcile, Key = key.Name, Begin = begin, End = _recorder.Now, Outcome = Outcome.Ok, Found = found });
        return Task.FromResult<TimeSpan?>(null);
    }
}
