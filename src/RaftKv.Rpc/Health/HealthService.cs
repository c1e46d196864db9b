using Grpc.Health.V1;
using RaftKv.Rpc.Server;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace RaftKv.Rpc.Health;

/// <summary>
/// grpc.health.v1: which services answer at the moment. The empty name stands for the server as a whole, and serves
/// from the start; other names exist once they are set.
/// </summary>
/// <example><code>
/// var health = new HealthService();
/// options.Services.Add(health.Service);
/// health.Set("", isServing: false);
/// </code></example>
public sealed class HealthService
{
    private readonly Lock _gate = new();

    // Under _gate. A watcher waits for the change task that it saw together with the status it sent.
    private readonly Dictionary<string, ServingStatus> _statuses = new(StringComparer.Ordinal) { [""] = ServingStatus.Serving };
    private TaskCompletionSource _changed = NewSignal();

    public HealthService()
    {
        Service = new RpcService(HealthReflection.Descriptor.Services[0])
            .Unary<HealthCheckRequest, HealthCheckResponse>("Check", Check)
            .ServerStreaming<HealthCheckRequest, HealthCheckResponse>("Watch", WatchAsync);
    }

    /// <summary>To be registered with a server.</summary>
    public RpcService Service { get; }

    /// <summary>Says whether a service answers, and tells everyone who watches it.</summary>
    public void Set(string service, bool isServing)
    {
        var status = isServing ? ServingStatus.Serving : ServingStatus.NotServing;
        TaskCompletionSource changed;
        lock (_gate)
        {
            if (_statuses.TryGetValue(service, out var before) && before == status)
            {
                return;
            }

            _statuses[service] = status;
            changed = _changed;
            _changed = NewSignal();
        }

        changed.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private (ServingStatus? Status, Task Changed) Look(string service)
    {
        lock (_gate)
        {
            return (_statuses.TryGetValue(service, out var status) ? status : null, _changed.Task);
        }
    }

    private ValueTask<HealthCheckResponse> Check(HealthCheckRequest request, RpcServerCall call)
    {
        var (status, _) = Look(request.Service);
        if (status is null)
        {
            call.Fail(RpcStatusCode.NotFound, "unknown service");
        }

        return new(new HealthCheckResponse { Status = status ?? ServingStatus.Unknown });
    }

    private async ValueTask WatchAsync(HealthCheckRequest request, RpcResponseStream<HealthCheckResponse> responses, RpcServerCall call)
    {
        ServingStatus? told = null;
        while (true)
        {
            var (status, changed) = Look(request.Service);

            // A name that is not known yet may become known; the protocol asks to wait for that.
            var current = status ?? ServingStatus.ServiceUnknown;
            if (current != told)
            {
                await responses.WriteAsync(new HealthCheckResponse { Status = current }).ConfigureAwait(false);
                told = current;
            }

            await changed.WaitAsync(call.CancellationToken).ConfigureAwait(false);
        }
    }
}
