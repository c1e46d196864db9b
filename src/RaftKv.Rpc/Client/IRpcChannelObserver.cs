namespace RaftKv.Rpc.Client;

/// <summary>
/// Told what happens inside a channel. Called from wherever it happens, so it must be quick, thread-safe and must not
/// throw. It never sees a message.
/// </summary>
public interface IRpcChannelObserver
{
    /// <summary>An address failed and is avoided until the back-off has passed.</summary>
    void AddressEvicted(Uri address, RpcStatus why, TimeSpan backOff)
    {
    }

    /// <summary>An address that had been evicted answered again.</summary>
    void AddressReturned(Uri address)
    {
    }

    /// <summary>The channel was given other addresses.</summary>
    void AddressesReplaced(IReadOnlyList<Uri> addresses)
    {
    }

    /// <summary>A call goes on to another attempt because the last one ended as said.</summary>
    void AttemptFailed(RpcMethod method, Uri address, RpcStatus why)
    {
    }
}
