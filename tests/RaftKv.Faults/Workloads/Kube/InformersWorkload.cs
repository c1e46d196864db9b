using System.Globalization;
using KubeStore;
using KubeStore.Failures;
using KubeStore.Objects;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Workloads.Kube;

/// <summary>
/// Two servers of the Kubernetes API on the cluster, in this process. Writers create objects, update and delete them as they
/// have read them; each server has an informer, and one a controller.
/// </summary>
internal sealed class InformersWorkload : Workload
{
    private const int Names = 12;
    private const string Marker = "end";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan FinalPatience = TimeSpan.FromSeconds(40);

    private readonly List<KubeServer> _servers = [];
    private readonly TaskCompletionSource _isOver = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _next;

    public override string Name => "informers";

    public override string Story => "objects of the Kubernetes API are changed with care; informers and a controller keep up";

    public override IReadOnlyList<IChecker> Checkers { get; } = [new InformerCopies(), new RevisionOrder()];

    public override Task PrepareAsync(ClientSession session)
    {
        _servers.Add(new KubeServer(session, 100, isControlled: true));
        _servers.Add(new KubeServer(session, 101, isControlled: false));
        return Task.CompletedTask;
    }

    public override async Task StepAsync(ClientSession session, CancellationToken stop)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"o{session.Chance.Next(Names)}");
        var kube = KubeOf(session);
        KubeObject? there = null;
        var look = await DoAsync(session, session.Asked("read", name), isRead: true, async (operation, cancellation) =>
        {
            there = await GetAsync(kube, name, cancellation);
            return operation with { Found = there is null ? new() : KubeServer.StateOf(there) };
        });
        if (!look.IsOk)
        {
            return;
        }

        if (there is null)
        {
            await CreateAsync(session, name);
        }
        else if (session.Chance.Next(5) == 0)
        {
            await DoAsync(session, session.Asked("delete", name) with { AtRevision = there.Revision }, isRead: false, async (operation, cancellation) =>
            {
                await kube.DeleteAsync(KubeServer.Resource, KubeServer.Namespace, name, new() { ResourceVersion = there.ResourceVersion, Uid = there.Uid }, cancellation);
                return operation with { Done = true };
            });
        }
        else
        {
            var next = there.ToJson();
            next["spec"]!["replicas"] = Interlocked.Increment(ref _next);
            await DoAsync(session, session.Asked("write", name) with { AtRevision = there.Revision }, isRead: false, async (operation, cancellation) =>
                Written(operation, await kube.UpdateAsync(KubeServer.Resource, KubeServer.Namespace, next, cancellation: cancellation)));
        }
    }

    public override async Task FinishAsync(ClientSession session)
    {
        if (session.Process == 0)
        {
            try
            {
                await CompareAsync(session);
            }
            finally
            {
                foreach (var server in _servers)
                {
                    await server.DisposeAsync();
                }

                _isOver.SetResult();
            }
        }

        await _isOver.Task;
        await base.FinishAsync(session);
    }

    private async Task CompareAsync(ClientSession session)
    {
        // Whoever has seen it has seen everything before.
        var marker = await CreateAsync(session, Marker);
        while (!marker.IsOk)
        {
            marker = await CreateAsync(session, Marker);
        }

        using var patience = new CancellationTokenSource(FinalPatience);
        Invocation list;
        do
        {
            list = await DoAsync(session, session.Asked(InformerCopies.Objects), isRead: true, async (operation, cancellation) =>
            {
                var all = await KubeOf(session).ListAsync(KubeServer.Resource, KubeServer.Namespace, cancellation: cancellation);
                return operation with { Entries = [.. all.Items.Select(KubeServer.StateOf)], Revision = all.Revision };
            });
        }
        while (!list.IsOk && !patience.IsCancellationRequested);

        await Task.WhenAll(_servers.Select(server => server.EndAsync(marker.Revision!.Value, list.Entries ?? [], patience.Token)));
    }

    private Task<Invocation> CreateAsync(ClientSession session, string name)
    {
        var body = KubeServer.NewObject(name, Interlocked.Increment(ref _next));
        return DoAsync(session, session.Asked("write", name) with { AtRevision = 0 }, isRead: false, async (operation, cancellation) =>
        {
            try
            {
                return Written(operation, await KubeOf(session).CreateAsync(KubeServer.Resource, KubeServer.Namespace, body, cancellation: cancellation));
            }
            catch (StatusException there) when (name == Marker && there.Status.Reason == "AlreadyExists")
            {
                // By a call that was not answered.
                return Written(operation, await KubeOf(session).GetAsync(KubeServer.Resource, KubeServer.Namespace, name, cancellation)) with { Wrote = false, Call = "read" };
            }
        });
    }

    private static Invocation Written(Invocation operation, KubeObject now)
        => operation with { Revision = now.Revision, Wrote = true, Found = KubeServer.StateOf(now) };

    private static async Task<KubeObject?> GetAsync(IKubeClient kube, string name, CancellationToken cancellation)
    {
        try
        {
            return await kube.GetAsync(KubeServer.Resource, KubeServer.Namespace, name, cancellation);
        }
        catch (StatusException missing) when (missing.Status.Reason == "NotFound")
        {
            return null;
        }
    }

    private static async Task<Invocation> DoAsync(ClientSession session, Invocation asked, bool isRead, Func<Invocation, CancellationToken, Task<Invocation>> run)
    {
        using var patience = new CancellationTokenSource(Patience);
        return await session.Recorder.RunAsync(asked, isRead, async operation =>
        {
            try
            {
                return await run(operation, patience.Token);
            }
            catch (StatusException refused)
            {
                var isUnknown = !isRead && (refused.Status.Code >= 500 || refused.Status.Code == 429);
                return operation with { Outcome = isUnknown ? Outcome.Info : Outcome.Fail, Error = refused.Message };
            }
        });
    }

    private IKubeClient KubeOf(ClientSession session) => _servers[session.Process % _servers.Count].Kube;
}
