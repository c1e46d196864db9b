using System.IO.Pipelines;
using System.Net.Sockets;
using System.Security.Authentication;
using RaftKv.Raft;

namespace RaftKv.Server.Peers;

/// <summary>Connects to peers, and comes to terms with them about who is who.</summary>
internal sealed class PeerDialer(PeerOptions options)
{
    private static readonly StreamPipeReaderOptions Borrowed = new(leaveOpen: true);

    /// <exception cref="PeerConnectionException">There is no connection, and the reason; as
    /// <see cref="PeerRefusedException"/> if the other member said so.</exception>
    public async Task<(PeerConnection Connection, PeerWelcome Welcome)> DialAsync(
        NodeId to, Uri url, PeerLane lane, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(options.HandshakeTimeout, options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        if (url.Scheme != Uri.UriSchemeHttp && options.Tls is null)
        {
            throw new PeerConnectionException(
                $"{url} asks for TLS, and this member was given nothing to believe it by: start it with --peer-trusted-ca-file, --peer-cert-file or --peer-auto-tls.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(url.DnsSafeHost, url.Port, either.Token).ConfigureAwait(false);
            var stream = await OpenAsync(socket, url, either.Token).ConfigureAwait(false);
            var input = PipeReader.Create(stream, Borrowed);
            var hello = new PeerHello(
                PeerHello.Protocol,
                PeerHello.Protocol,
                lane,
                options.ClusterId,
                options.Self,
                to,
                options.ProcessNonce,
                options.ServerVersion,
                options.IsBlank());
            await stream.WriteAsync(hello.Encode(), either.Token).ConfigureAwait(false);
            var welcome = PeerWelcome.Decode(await HandshakeFrame.ReadAsync(input, either.Token).ConfigureAwait(false));
            Check(welcome, to);
            var connection = new PeerConnection(input, stream, isAbrupt => Close(socket, isAbrupt), isCaller: true, options);
            connection.Start();
            return (connection, welcome);
        }
        catch (Exception problem)
        {
            socket.Dispose();
            throw Explained(problem, limit.IsCancellationRequested, cancellation);
        }
    }

    private async ValueTask<Stream> OpenAsync(Socket socket, Uri url, CancellationToken cancellation)
    {
        var bytes = new NetworkStream(socket, ownsSocket: true);
        return url.Scheme == Uri.UriSchemeHttp
            ? bytes
            : await options.Tls!.ConnectAsync(bytes, url.DnsSafeHost, cancellation).ConfigureAwait(false);
    }

    private void Check(PeerWelcome welcome, NodeId to)
    {
        if (welcome.Verdict != PeerVerdict.Welcome)
        {
            throw new PeerRefusedException(welcome.Verdict, welcome.Reason);
        }

        if (welcome.ClusterId != options.ClusterId || welcome.Member != to || welcome.Protocol != PeerHello.Protocol)
        {
            throw new PeerConnectionException(
                $"It accepts, but as member {welcome.Member} of cluster {welcome.ClusterId:x}, protocol {welcome.Protocol}.");
        }
    }

    private Exception Explained(Exception problem, bool isLate, CancellationToken cancellation) => problem switch
    {
        PeerConnectionException => problem,
        PeerProtocolException => new PeerConnectionException(problem.Message, problem),
        OperationCanceledException when cancellation.IsCancellationRequested => problem,
        _ when isLate => new PeerConnectionException($"It did not answer within {options.HandshakeTimeout.TotalSeconds:0.###} s.", problem),
        AuthenticationException => new PeerConnectionException($"There is no TLS connection: {problem.Message}", problem),
        SocketException { SocketErrorCode: SocketError.ConnectionRefused } => new PeerAbsentException($"It cannot be reached: {problem.Message}", problem),
        _ => new PeerConnectionException($"It cannot be reached: {problem.Message}", problem),
    };

    private static void Close(Socket socket, bool isAbrupt)
    {
        if (isAbrupt)
        {
            socket.Dispose();
        }
        else
        {
            PeerSocketStream.Shut(socket);
        }
    }
}
