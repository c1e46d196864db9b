using System.Net;
using System.Net.Http.Headers;

namespace RaftKv.Rpc.Client;

/// <summary>The body of a request, which SocketsHttpHandler asks for once in each of its attempts.</summary>
internal abstract class RequestContent : HttpContent
{
    // Shared by all calls: nobody changes it.
    private static readonly MediaTypeHeaderValue Grpc = new("application/grpc");

    private int _attemptsSending;

    protected RequestContent() => Headers.ContentType = Grpc;

    /// <summary>The life of the call this is the body of. Set before the first attempt.</summary>
    public CallLifetime? Lifetime { get; set; }

    /// <summary>Whether the headers of a response have come.</summary>
    public bool HasResponse { get; set; }

    /// <summary>Whether the attempt that is under way has asked for it. Until then nothing of it has left this process.</summary>
    public bool WasAskedFor { get; set; }

    /// <summary>Whether an attempt is still at it.</summary>
    public bool IsSending => Volatile.Read(ref _attemptsSending) > 0;

    /// <summary>Writes the body.</summary>
    /// <remarks>
    /// The token is the transport's own and fires when the stream is reset. The caller's it forgets once a response has
    /// begun, so whoever waits in here watches <see cref="Lifetime"/> too: a stream whose body never ends is never freed.
    /// </remarks>
    protected abstract Task WriteAsync(Stream stream, CancellationToken cancellation);

    protected sealed override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected sealed override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellation)
    {
        WasAskedFor = true;
        Interlocked.Increment(ref _attemptsSending);
        try
        {
            await WriteAsync(stream, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!HasResponse && Lifetime!.End == CallEnd.None)
        {
            // Not stopped from this side: the server reset the stream. The transport would report this exception; ended
            // quietly, it looks at the response instead, finds the reset there, and knows when to try once more.
        }
        finally
        {
            Interlocked.Decrement(ref _attemptsSending);
        }
    }

    protected sealed override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
