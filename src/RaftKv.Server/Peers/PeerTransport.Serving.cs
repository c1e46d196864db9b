using System.Net.Sockets;
using System.Runtime.InteropServices;
using RaftKv.Raft.Messages;

namespace RaftKv.Server.Peers;

// What the others connect to.
public sealed partial class PeerTransport
{
    // Frames are parsed on it, and handed over.
    private const int ServingStackBytes = 256 * 1024;

    // A handshake goes deep into libraries that do not know how little there is.
    private const int TlsServingStackBytes = 1024 * 1024;

    /// <summary>
    /// Takes a new connection, on a thread of its own: serves it if a peer has made it, and passes it on untouched if not,
    /// so that the port speaks HTTP as well.
    /// </summary>
    internal void Serve(Socket socket, Action<Socket> otherwise) => Serve(socket, () => Greet(socket, otherwise), ServingStackBytes);

    /// <summary>The same for one that begins with TLS; what is no peer is passed on behind that.</summary>
    internal void ServeTls(Socket socket, Action<IncomingLine> otherwise)
        => Serve(socket, () => GreetTls(socket, otherwise), TlsServingStackBytes);

    private void Serve(Socket socket, Action greet, int stackBytes)
    {
        if (Interlocked.Increment(ref _strangers) > _options.MaxStrangers)
        {
            Interlocked.Decrement(ref _strangers);
            socket.Dispose();
            return;
        }

        new Thread(() => greet(), stackBytes) { Name = "raftkv peer", IsBackground = true }.Start();
    }

    private void Greet(Socket socket, Action<Socket> otherwise)
    {
        var isPeer = false;
        PeerHello hello = default;
        IncomingLine? line = null;
        try
        {
            using var limit = _options.Time.CreateTimer(
                static late => PeerSocketStream.Shut((Socket)late!), socket, _options.HandshakeTimeout, Timeout.InfiniteTimeSpan);
            var first = new byte[1];
            if (socket.Receive(first, SocketFlags.Peek) == 0)
            {
                socket.Dispose();
                return;
            }

            // No text and no TLS begins like this.
            isPeer = first[0] == HandshakeFrame.Magic[0];
            if (isPeer)
            {
                line = new IncomingLine(socket);
                hello = PeerHello.Decode(OwnThread.Await(HandshakeFrame.ReadAsync(line.Input, CancellationToken.None)));
            }
        }
        catch (PeerProtocolException problem)
        {
            Refuse(line!, default, PeerVerdict.Malformed, problem.Message);
            line!.Dispose();
            return;
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException or IOException or InvalidOperationException)
        {
            socket.Dispose();
            return;
        }
        finally
        {
            Interlocked.Decrement(ref _strangers);
        }

        if (!isPeer)
        {
            otherwise(socket);
            return;
        }

        using (line)
        {
            Serve(line!, hello);
        }
    }

    private void GreetTls(Socket socket, Action<IncomingLine> otherwise)
    {
        IncomingLine? line = null;
        var isPeer = false;
        PeerHello hello = default;
        try
        {
            var remote = socket.RemoteEndPoint;
            var from = remote?.ToString() ?? "";
            using var limit = _options.Time.CreateTimer(
                static late => PeerSocketStream.Shut((Socket)late!), socket, _options.HandshakeTimeout, Timeout.InfiniteTimeSpan);
            try
            {
                line = IncomingLine.OfTls(socket, _options.Tls!);
            }
#pragma warning disable CA1031 // Whatever somebody sends before anybody knows him must not end the member.
            catch (Exception refused) when (refused is not (IOException or SocketException or ObjectDisposedException))
#pragma warning restore CA1031
            {
                if (_options.Tls!.IsNews(remote, refused.Message))
                {
                    _options.Observer?.Invoke(new PeerEvent(PeerEventKind.Refused, default, null, from, $"There is no TLS connection: {refused.Message}"));
                }

                socket.Dispose();
                return;
            }

            isPeer = OwnThread.Await(HandshakeFrame.IsNextAsync(line.Input, CancellationToken.None)) == true;
            if (isPeer)
            {
                hello = PeerHello.Decode(OwnThread.Await(HandshakeFrame.ReadAsync(line.Input, CancellationToken.None)));
            }
        }
        catch (PeerProtocolException problem)
        {
            Refuse(line!, default, PeerVerdict.Malformed, problem.Message);
            line!.Dispose();
            return;
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException or IOException or InvalidOperationException)
        {
            line?.Dispose();
            socket.Dispose();
            return;
        }
        finally
        {
            Interlocked.Decrement(ref _strangers);
        }

        if (!isPeer)
        {
            otherwise(line);
            return;
        }

        using (line)
        {
            Serve(line, hello);
        }
    }

    private void Serve(IncomingLine line, PeerHello hello)
    {
        var (verdict, reason) = _incoming.Judge(hello);
        if (verdict != PeerVerdict.Welcome)
        {
            Refuse(line, hello, verdict, reason);
            return;
        }

        var serving = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Track(serving.Task);
        try
        {
            ServePeer(line, hello);
        }
        finally
        {
            serving.SetResult();
        }
    }

    private void Refuse(IncomingLine line, PeerHello hello, PeerVerdict verdict, string reason)
        => Refuse(line, hello, verdict, reason, answer => line.Stream.Write(answer));

    private void Refuse(IncomingLine line, PeerHello hello, PeerVerdict verdict, string reason, Action<byte[]> write)
    {
        _options.Observer?.Invoke(new PeerEvent(PeerEventKind.Refused, hello.From, null, line.From, reason));
        try
        {
            write(Welcome(verdict, reason));
        }
        catch (Exception gone) when (gone is IOException or ObjectDisposedException or PeerConnectionException)
        {
            // It did not wait for the answer; whoever reads next will see that.
        }
    }

    private byte[] Welcome(PeerVerdict verdict, string reason) => new PeerWelcome(
        verdict, PeerHello.Protocol, _options.ClusterId, _options.Self, _options.ProcessNonce, _options.ServerVersion, reason).Encode();

    private void ServePeer(IncomingLine line, PeerHello hello)
    {
        var connection = new PeerConnection(line.Input, line.Stream, line.Close, isCaller: false, _options);
        var stream = new IncomingStream(connection);
        if (OwnThread.Await(_incoming.EnterAsync(hello, stream)) is not { } member)
        {
            var (verdict, why) = _incoming.Judge(hello);
            Refuse(line, hello, verdict, why, answer => OwnThread.Await(connection.GreetAsync(answer)));
            OwnThread.Await(connection.EndAsync(why));
            return;
        }

        var reason = "";
        try
        {
            OwnThread.Await(connection.GreetAsync(Welcome(PeerVerdict.Welcome, "")));
            connection.Start();
            _options.Observer?.Invoke(new PeerEvent(PeerEventKind.Accepted, hello.From, hello.Lane, line.From, ""));
            if (_peers.TryGetValue(hello.From, out var peer))
            {
                peer.Hurry();
            }

            if (hello.Lane == PeerLane.Snapshot)
            {
                // It waits for a disk as much as for the peer.
                line.LetGoOfThread();
                OwnThread.Await(_incomingSnapshots.ServeAsync(connection, hello.From));
            }
            else
            {
                Receive(connection, member);
            }
        }
        catch (PeerConnectionException end)
        {
            reason = end.Message;
        }
        catch (PeerProtocolException problem)
        {
            reason = problem.Message;
            OwnThread.Await(connection.EndAsync(problem.Message));
        }
#pragma warning disable CA1031 // A mistake on this side, in the host or here: the host decides what becomes of the member.
        catch (Exception problem)
#pragma warning restore CA1031
        {
            reason = $"Member {Self} failed to take in what it was sent.";
            OwnThread.Await(connection.EndAsync(reason));
            _receiver.Broken(problem);
        }
        finally
        {
            OwnThread.Await(connection.DisposeAsync());
            _incoming.Leave(member, hello.Lane, stream);
            _options.Observer?.Invoke(new PeerEvent(PeerEventKind.Left, hello.From, hello.Lane, line.From, reason));
        }
    }

    private void Receive(PeerConnection connection, IncomingMember member)
    {
        var batch = new List<Message>();
        while (true)
        {
            var frame = connection.Read();
            if (frame.Kind is not (FrameKind.Messages or FrameKind.MessagesWithEntries))
            {
                throw new PeerProtocolException($"A frame of kind {frame.Kind} came on a stream of messages.");
            }

            MessageCodec.Read(frame.Body, member.Id, _options.Self, batch);
            foreach (ref readonly var message in CollectionsMarshal.AsSpan(batch))
            {
                if (message.Kind == MessageKind.InstallSnapshot
                    || (frame.Kind == FrameKind.Messages && message.Entries.Length > 0))
                {
                    throw new PeerProtocolException($"A {message.Kind} message came where it may not.");
                }
            }

            member.Count(batch.Count, PeerFrame.HeaderBytes + frame.Body.Length);
            _receiver.Receive(CollectionsMarshal.AsSpan(batch));
            batch.Clear();
        }
    }
}
