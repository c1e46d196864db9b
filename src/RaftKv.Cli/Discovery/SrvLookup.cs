using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace RaftKv.Cli.Discovery;

/// <summary>Asks DNS servers for SRV records, which .NET has no call for: each in turn until one answers, by UDP, and by TCP where
/// the answer does not fit a datagram.</summary>
/// <example><code>
/// var records = await SrvLookup.OfSystem().FindAsync("_etcd-server._tcp.example.com", stop);
/// </code></example>
internal sealed class SrvLookup(IReadOnlyList<IPEndPoint> servers)
{
    private const int Rounds = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>The servers that this machine uses.</summary>
    public static SrvLookup OfSystem()
    {
        var servers = new List<IPEndPoint>();
        try
        {
            foreach (var line in File.ReadLines("/etc/resolv.conf"))
            {
                var words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
                if (words is ["nameserver", var address, ..] && IPAddress.TryParse(address, out var server))
                {
                    servers.Add(new IPEndPoint(server, 53));
                }
            }
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            // Then there is the usual one.
        }

        return new SrvLookup(servers.Count > 0 ? servers : [new IPEndPoint(IPAddress.Loopback, 53)]);
    }

    /// <returns>In the order in which they are to be used; none if there is no such name.</returns>
    /// <exception cref="DnsFailure">No server could tell.</exception>
    public async Task<IReadOnlyList<SrvRecord>> FindAsync(string name, CancellationToken stop)
    {
        DnsFailure? failure = null;
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var server in servers)
            {
                try
                {
                    var records = await AskAsync(server, name, stop);
                    return [.. records.OrderBy(record => record.Priority).ThenByDescending(record => record.Weight)];
                }
                catch (OperationCanceledException) when (!stop.IsCancellationRequested)
                {
                    failure = new DnsFailure($"The DNS server {server} did not answer a question for {name}.");
                }
                catch (Exception broken) when (broken is SocketException or IOException)
                {
                    failure = new DnsFailure($"The DNS server {server} could not be asked for {name}: {broken.Message}", broken);
                }
                catch (DnsFailure wrong)
                {
                    failure = new DnsFailure($"{name}, asked of {server}: {wrong.Message}", wrong);
                }
            }
        }

        throw failure ?? new DnsFailure("There is no DNS server to ask.");
    }

    private static async Task<IReadOnlyList<SrvRecord>> AskAsync(IPEndPoint server, string name, CancellationToken stop)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(Patience);
        var question = DnsMessage.Question((ushort)RandomNumberGenerator.GetInt32(ushort.MaxValue + 1), name);
        var answer = await AskByUdpAsync(server, question, patience.Token);
        if (DnsMessage.IsTruncated(answer))
        {
            answer = await AskByTcpAsync(server, question, patience.Token);
        }

        return DnsMessage.Records(answer, question.Length);
    }

    private static async Task<byte[]> AskByUdpAsync(IPEndPoint server, byte[] question, CancellationToken stop)
    {
        using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(server, stop);
        await socket.SendAsync(question, stop);
        var room = new byte[4096];
        while (true)
        {
            var length = await socket.ReceiveAsync(room, stop);
            if (DnsMessage.Answers(room.AsSpan(0, length), question))
            {
                return room[..length];
            }
        }
    }

    private static async Task<byte[]> AskByTcpAsync(IPEndPoint server, byte[] question, CancellationToken stop)
    {
        using var client = new TcpClient(server.AddressFamily);
        await client.ConnectAsync(server, stop);
        var stream = client.GetStream();
        var framed = new byte[question.Length + 2];
        BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)question.Length);
        question.CopyTo(framed, 2);
        await stream.WriteAsync(framed, stop);
        var head = new byte[2];
        await stream.ReadExactlyAsync(head, stop);
        var answer = new byte[BinaryPrimitives.ReadUInt16BigEndian(head)];
        await stream.ReadExactlyAsync(answer, stop);
        return DnsMessage.Answers(answer, question) ? answer : throw new DnsFailure("The DNS server answers something else.");
    }
}
