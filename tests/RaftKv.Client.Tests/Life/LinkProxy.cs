using System.Net.Sockets;
using RaftKv.Stores;

namespace RaftKv.Client.Tests.Life;

/// <summary>The way to one member, which can be cut at any moment: also between a request and its answer.</summary>
internal sealed class LinkProxy(Uri target) : TcpProxy(target.Port)
{
    private int _swallowed;

    public Uri Address => new($"http://127.0.0.1:{Port}");

    /// <summary>Whether new connections come through. Those that there are stay: see <see cref="TcpProxy.Cut"/>.</summary>
    public bool IsOpen { get; set; } = true;

    /// <summary>Lets the next answers not through, but breaks their connections: what was asked for has happened.</summary>
    public void SwallowAnswers(int count) => Interlocked.Add(ref _swallowed, count);

    protected override async Task PassAsync(Socket incoming, Socket outgoing)
    {
        if (!IsOpen)
        {
            return;
        }

        await ConnectAsync(outgoing);
        await Task.WhenAny(
            CopyAsync(incoming, outgoing, _ => new(true)),
            CopyAsync(outgoing, incoming, _ => new(!IsSwallowed())));
    }

    private bool IsSwallowed() => Volatile.Read(ref _swallowed) > 0 && Interlocked.Decrement(ref _swallowed) >= 0;
}
