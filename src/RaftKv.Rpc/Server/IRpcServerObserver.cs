namespace RaftKv.Rpc.Server;

/// <summary>Counts what a server does. Asked once for each method there is, before the first call.</summary>
/// <example><code>options.Observer = new MyCounts();</code></example>
public interface IRpcServerObserver
{
    /// <summary>Who is told of the calls of a method. May be asked more than once for the same one.</summary>
    IRpcMethodObserver Of(RpcMethod method);
}

/// <summary>Told of the calls of one method, on any thread, while they are served: it must be quick, and must not throw.</summary>
public interface IRpcMethodObserver
{
    /// <summary>A call begins.</summary>
    /// <returns>Anything, for <see cref="End"/>.</returns>
    long Begin();

    /// <param name="bytes">Of the message with its header, unpacked.</param>
    void MessageReceived(long bytes);

    /// <param name="bytes">Of the message with its header, before it is packed.</param>
    void MessageSent(long bytes);

    /// <summary>The call has ended.</summary>
    /// <param name="began">What <see cref="Begin"/> returned.</param>
    /// <param name="code">How it ended.</param>
    void End(long began, RpcStatusCode code);
}
