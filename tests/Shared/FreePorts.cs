using System.Net;
using System.Net.Sockets;

namespace RaftKv.Tests.Shared;

/// <summary>Ports of this machine for processes that have to be told theirs.</summary>
/// <remarks>
/// They lie where the system takes none for itself: neither a connection nor a server on port 0 can come between the moment
/// a port is given and the start of the process it is meant for, or between its end and its next start. This process claims
/// blocks of them, by listening on the first of each for as long as it lives; so tests of two processes don't meet either.
/// </remarks>
internal static class FreePorts
{
    private const int First = 10_000;
    private const int BlockSize = 100;

    // Where Linux and others begin to take ports for themselves.
    private const int End = 32_700;

    private static readonly Lock Gate = new();
    private static readonly List<Socket> Claims = [];
    private static int _next = BlockSize;
    private static int _block;

    public static int[] Find(int count)
    {
        lock (Gate)
        {
            var ports = new int[count];
            for (var i = 0; i < count;)
            {
                if (_next == BlockSize)
                {
                    _block = Claim();
                    _next = 1;
                }

                var port = _block + _next++;
                if (TryListen(port) is { } free)
                {
                    free.Dispose();
                    ports[i++] = port;
                }
            }

            return ports;
        }
    }

    private static int Claim()
    {
        const int Blocks = (End - First) / BlockSize;
        var start = Environment.ProcessId % Blocks;
        for (var i = 0; i < Blocks; i++)
        {
            var block = First + (start + i) % Blocks * BlockSize;
            if (TryListen(block) is { } claim)
            {
                Claims.Add(claim);
                return block;
            }
        }

        throw new InvalidOperationException($"All ports from {First} to {End} are claimed.");
    }

    private static Socket? TryListen(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            socket.Listen();
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }
}
