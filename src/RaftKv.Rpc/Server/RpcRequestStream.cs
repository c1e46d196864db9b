using System.Buffers;

namespace RaftKv.Rpc.Server;

/// <summary>The messages a client streams in. Read by one caller at a time, once.</summary>
/// <example><code>await foreach (var request in requests) { ... }</code></example>
public sealed class RpcRequestStream<T> : IAsyncEnumerable<T>
{
    private const int Idle = 0;
    private const int Reading = 1;
    private const int Over = 2;

    private readonly RpcServerCall _call;
    private readonly MessageCodec<T> _codec;
    private TaskCompletionSource? _letGo;
    private int _state;

    internal RpcRequestStream(RpcServerCall call, MessageCodec<T> codec)
    {
        _call = call;
        _codec = codec;
    }

    /// <summary>The message last read. Where the messages are bytes, it is lent until the next one is read.</summary>
    public T Current { get; private set; } = default!;

    /// <summary>Waits for the next message.</summary>
    /// <returns>False when the client has sent its last.</returns>
    /// <exception cref="OperationCanceledException">The client went away, the deadline passed, or the handler has ended.</exception>
    /// <exception cref="InvalidOperationException">Another read is under way.</exception>
    public async ValueTask<bool> MoveNextAsync()
    {
        switch (Interlocked.CompareExchange(ref _state, Reading, Idle))
        {
            case Reading:
                throw new InvalidOperationException("A stream of requests is read by one caller at a time: await the last read before the next.");
            case Over:
                throw new OperationCanceledException("The call is over: its handler has ended.");
        }

        try
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
        finally
        {
            if (Interlocked.CompareExchange(ref _state, Idle, Reading) == Over)
            {
                _letGo!.SetResult();
            }
        }
    }

    /// <summary>
    /// The handler has ended. A read that it has left behind is ended too: the stream serves another call next,
    /// whose messages such a read would take.
    /// </summary>
    internal ValueTask EndAsync()
    {
        if (Interlocked.CompareExchange(ref _state, Over, Idle) != Reading)
        {
            return default;
        }

        _letGo = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (Interlocked.Exchange(ref _state, Over) != Reading)
        {
            return default;
        }

        _call.CancelRead();
        return new ValueTask(_letGo.Task);
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
