using System.Buffers;

namespace RaftKv.Rpc.Server;

/// <summary>The messages a client streams in. Read by one caller at a time, once.</summary>
/// <example><code>await foreach (var request in requests) { ... }</code></example>
public sealed class RpcRequestStream<T> : IAsyncEnumerable<T>
{
    private readonly RpcServerCall _call;
    private readonly MessageCodec<T> _codec;

    internal RpcRequestStream(RpcServerCall call, MessageCodec<T> codec)
    {
        _call = call;
        _codec = codec;
    }

    /// <summary>The message last read. Where the messages are bytes, it is lent until the next one is read.</summary>
    public T Current { get; private set; } = default!;

    /// <summary>Waits for the next message.</summary>
    /// <returns>False when the client has sent its last.</returns>
    /// <exception cref="OperationCanceledException">The client went away, or the deadline passed.</exception>
    public async ValueTask<bool> MoveNextAsync()
    {
        if (!await _call.Reader.ReadNextAsync(_call.CancellationToken).ConfigureAwait(false))
        {
            Current = default!;
            return false;
        }

        Current = RpcEndpoint.Decode(_codec, _call.Reader.Message);
        if (typeof(T) != typeof(ReadOnlySequence<byte>))
        {
            // Given back at once: a message that is held while the next one is awaited would keep the client's flow
            // control window closed by that much.
            _call.Reader.Release();
        }

        return true;
    }

    public async IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        while (await MoveNextAsync().ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return Current;
        }
    }
}
