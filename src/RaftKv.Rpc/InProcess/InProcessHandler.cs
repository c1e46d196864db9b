namespace RaftKv.Rpc.InProcess;

/// <summary>What stands where a channel has a connection otherwise.</summary>
internal sealed class InProcessHandler(RpcInProcessServer server) : HttpMessageHandler
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        => server.Stopping.IsCancellationRequested
            ? Task.FromException<HttpResponseMessage>(new HttpRequestException(
                HttpRequestError.ConnectionError, "The server in this process has stopped."))
            : new InProcessExchange(server.Dispatcher, request).RunAsync(cancellationToken);
}
