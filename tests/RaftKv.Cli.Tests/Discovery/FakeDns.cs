using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using RaftKv.Cli.Discovery;

namespace RaftKv.Cli.Tests.Discovery;

/// <summary>A DNS server that knows SRV records, on a port of its own.</summary>
internal sealed class FakeDns : IAsyncDisposable
{
    private readonly Socket _datagrams = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly TcpListener _connections;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    public FakeDns()
    {
        // One number for both, as a DNS server has it.
        while (true)
        {
            _connections = new TcpListener(IPAddress.Loopback, 0);
            _connections.Start();
            try
            {
                _datagrams.Bind(_connections.LocalEndpoint);
                break;
            }
            catch (SocketException)
            {
                _connections.Stop();
            }
        }

        _serving = Task.WhenAll(Task.Run(ServeDatagramsAsync), Task.Run(ServeConnectionsAsync));
    }

    public IPEndPoint EndPoint => (IPEndPoint)_connections.LocalEndpoint;

    public Dictionary<string, SrvRecord[]> Records { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether answers do not fit a datagram.</summary>
    public bool Cuts { get; set; }

    /// <summary>Makes something else of an answer.</summary>
    public Func<byte[], byte[]>? Spoils { get; set; }

    /// <summary>How many questions came, by connection.</summary>
    public int Connections { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _connections.Dispose();
        _datagrams.Dispose();
        await _serving;
        _stop.Dispose();
    }

    private async Task ServeDatagramsAsync()
    {
        var room = new byte[512];
        try
        {
            while (true)
            {
                var got = await _datagrams.ReceiveFromAsync(room, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                var answer = Answer(room[..got.ReceivedBytes], isCut: Cuts);

                // What somebody else sends is not taken for the answer.
                await _datagrams.SendToAsync(new byte[] { 1, 2, 3 }, SocketFlags.None, got.RemoteEndPoint, _stop.Token);
                await _datagrams.SendToAsync(Spoils?.Invoke(answer) ?? answer, SocketFlags.None, got.RemoteEndPoint, _stop.Token);
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeConnectionsAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _connections.AcceptTcpClientAsync(_stop.Token);
                var stream = client.GetStream();
                var head = new byte[2];
                await stream.ReadExactlyAsync(head, _stop.Token);
                var question = new byte[BinaryPrimitives.ReadUInt16BigEndian(head)];
                await stream.ReadExactlyAsync(question, _stop.Token);
                Connections++;
                var answer = Answer(question, isCut: false);
                BinaryPrimitives.WriteUInt16BigEndian(head, (ushort)answer.Length);
                await stream.WriteAsync(head, _stop.Token);
                await stream.WriteAsync(answer, _stop.Token);
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException or InvalidOperationException or IOException)
        {
        }
    }

    private byte[] Answer(byte[] question, bool isCut)
    {
        var name = new StringBuilder();
        for (var at = 12; question[at] != 0; at += 1 + question[at])
        {
            name.Append(name.Length > 0 ? "." : "").Append(Encoding.ASCII.GetString(question, at + 1, question[at]));
        }

        var isKnown = Records.TryGetValue(name.ToString(), out var records);
        var answer = new List<byte>(question);
        answer[2] = (byte)(0x81 | (isCut ? 2 : 0));
        answer[3] = (byte)(isKnown ? 0x80 : 0x83);
        answer[7] = (byte)(isCut ? 0 : records?.Length ?? 0);
        foreach (var record in isCut ? [] : records ?? [])
        {
            answer.AddRange([0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60]);
            var target = record.Target.Split('.').SelectMany(label => Encoding.ASCII.GetBytes(label).Prepend((byte)label.Length)).Append((byte)0).ToArray();
            Number(answer, target.Length + 6);
            Number(answer, record.Priority);
            Number(answer, record.Weight);
            Number(answer, record.Port);
            answer.AddRange(target);
        }

        return [.. answer];
    }

    private static void Number(List<byte> bytes, int value) => bytes.AddRange([(byte)(value >> 8), (byte)value]);
}
