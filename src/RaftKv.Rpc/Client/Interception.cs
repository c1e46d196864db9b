namespace RaftKv.Rpc.Client;

/// <summary>Runs a call inside the interceptors of its channel.</summary>
internal sealed class Interception
{
    private readonly IReadOnlyList<RpcClientInterceptor> _interceptors;
    private readonly RpcClientCall _seen;

    public Interception(IReadOnlyList<RpcClientInterceptor> interceptors, ClientCall call)
    {
        _interceptors = interceptors;
        _seen = new RpcClientCall(call.Method, call.Metadata);
        call.Seen = _seen;
        call.Metadata = _seen.Metadata;
    }

    /// <summary>A unary call: its result, or its exception, is the caller's whatever interceptors do after it.</summary>
    public async ValueTask<T> RunAsync<T>(Func<ValueTask<T>> call)
    {
        T result = default!;
        System.Runtime.ExceptionServices.ExceptionDispatchInfo? failed = null;
        var wasCalled = false;
        await RunAsync(0, async () =>
        {
            wasCalled = true;
            try
            {
                result = await call().ConfigureAwait(false);
                _seen.Status = RpcStatus.Ok;
            }
            catch (Exception e) when (e is RpcException or OperationCanceledException or ObjectDisposedException)
            {
                failed = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(e);
                _seen.Status = StatusOf(e);
            }
        }).ConfigureAwait(false);
        failed?.Throw();
        return wasCalled ? result : throw Swallowed();
    }

    /// <summary>A streaming call: <paramref name="open"/> lets it begin and completes when it has ended.</summary>
    public async ValueTask RunAsync(Func<ValueTask<RpcStatus>> open)
    {
        var wasCalled = false;
        await RunAsync(0, async () =>
        {
            wasCalled = true;
            _seen.Status = await open().ConfigureAwait(false);
        }).ConfigureAwait(false);
        if (!wasCalled)
        {
            throw Swallowed();
        }
    }

    internal static RpcStatus StatusOf(Exception e) => e switch
    {
        RpcException rpc => rpc.Status,
        _ => new RpcStatus(RpcStatusCode.Cancelled, e.Message),
    };

    private static RpcException Swallowed()
        => new(RpcStatusCode.Internal, "an interceptor of the channel neither let the call pass nor refused it");

    private ValueTask RunAsync(int index, Func<ValueTask> last)
        => index == _interceptors.Count ? last() : _interceptors[index](_seen, () => RunAsync(index + 1, last));
}
