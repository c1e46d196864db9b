using System.Net;
using System.Net.Sockets;

namespace RaftKv.Rpc.Tests.RawHttp2;

/// <summary>A server that plays a script on every connection it accepts, and fails the test when a script fails.</summary>
/// <example><code>
/// await using var server = RawServer.Start(async connection => { var request = await connection.NextMessageAsync(); ... });
/// </code></example>
internal sealed class RawServer : IAsyncDisposable
{
    private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);
    private readonly List<Task> _scripts = [];
    private readonly Task _accepting;
    private readonly CancellationTokenSource _stop = new();
    private int _accepted;

    private RawServer(Func<RawConnection, int, Task> script, (ushort Id, uint Value)[] settings)
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        EndPoint = new IPEndPoint(IPAddress.Loopback, ((IPEndPoint)_listener.LocalEndPoint!).Port);
        _accepting = AcceptAsync(script, settings);
    }

    public IPEndPoint EndPoint { get; }

    public Uri Address => new($"http://{EndPoint}");

    /// <summary>Connections taken so far.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    public static RawServer Start(Func<RawConnection, Task> script, params (ushort Id, uint Value)[] settings)
        => new((connection, _) => script(connection), settings);

    /// <summary>The script is also told which connection it is on, from 0.</summary>
    public static RawServer Start(Func<RawConnection, int, Task> script, params (ushort Id, uint Value)[] settings)
        => new(script, settings);

    /// <summary>Stops accepting, and reports scripts that failed. One that waits for the client is left behind.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        foreach (var script in _scripts)
        {
            if (script.IsFaulted)
            {
                await script;
            }
        }

        _stop.Dispose();
    }

    private async Task AcceptAsync(Func<RawConnection, int, Task> script, (ushort Id, uint Value)[] settings)
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptAsync(_stop.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }

            _scripts.Add(PlayAsync(socket, Interlocked.Increment(ref _accepted) - 1));
        }

        async Task PlayAsync(Socket socket, int index)
        {
            try
            {
                await using var connection = await RawConnection.AcceptAsync(socket, settings);
                await script(connection, index);

                // The connection stays until the client has had enough of it.
                while (await connection.ReadAsync() is not null)
                {
                }
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException || (e is TimeoutException && _stop.IsCancellationRequested))
            {
                // The client has left, or the test is over. If that was wrong, the client's side of the test says so.
            }
        }
    }
}
