using RaftKv.Load.Http2;

namespace RaftKv.Load;

/// <summary>One call on a connection of its own: a list, a snapshot, a compaction.</summary>
public static class SingleCall
{
    /// <summary>Looks at a piece of an answer's messages; each begins with five bytes of gRPC's.</summary>
    public delegate void PieceTaker(ReadOnlySpan<byte> piece);

    /// <summary>Asks, and goes on while the answer comes, whose pieces are not kept.</summary>
    /// <returns>How many bytes came.</returns>
    /// <exception cref="IOException">The server is not there, or refused.</exception>
    public static async Task<long> StreamAsync(
        LoadEndpoint endpoint, string path, ReadOnlyMemory<byte> request, PieceTaker? take = null, CancellationToken cancellation = default)
    {
        var connection = new Connection(endpoint, take);
        await using (connection.ConfigureAwait(false))
        {
            await connection.ConnectAsync(cancellation).ConfigureAwait(false);
            var running = connection.RunAsync(path, request);
            using (cancellation.Register(() => _ = connection.DisposeAsync().AsTask()))
            {
                await running.ConfigureAwait(false);
            }

            cancellation.ThrowIfCancellationRequested();
            return connection.Received > 0 ? connection.Received : throw new IOException($"{endpoint.Host}:{endpoint.Port} refused {path}.");
        }
    }

    /// <returns>The answer's message.</returns>
    /// <exception cref="IOException">The server is not there, or refused.</exception>
    public static async Task<byte[]> UnaryAsync(LoadEndpoint endpoint, string path, ReadOnlyMemory<byte> request, CancellationToken cancellation = default)
    {
        byte[] answer = [];
        var splitter = new MessageSplitter(message => answer = message.ToArray());
        await StreamAsync(endpoint, path, request, splitter.Add, cancellation).ConfigureAwait(false);
        return answer;
    }

    private sealed class Connection(LoadEndpoint endpoint, PieceTaker? take) : Http2Connection(endpoint)
    {
        private bool _isOver;

        public long Received { get; private set; }

        public async Task RunAsync(string path, ReadOnlyMemory<byte> request)
        {
            lock (Gate)
            {
                SendHeaders(1, HeadersOf(path));
                SendMessage(1, request.Span, EndStream);
            }

            await FlushAsync(CancellationToken.None).ConfigureAwait(false);
            await ReceiveAsync().ConfigureAwait(false);
        }

        protected override bool IsOver() => _isOver;

        protected override void OnData(int stream, ReadOnlySpan<byte> bytes)
        {
            Received += bytes.Length;
            take?.Invoke(bytes);
        }

        protected override void OnEnded(int stream) => _isOver = true;
    }
}
