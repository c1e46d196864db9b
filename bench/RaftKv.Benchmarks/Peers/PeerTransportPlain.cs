using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;
using RaftKv.Server.Peers;

namespace RaftKv.Benchmarks.Peers;

/// <summary>
/// What do two members get through between them on the loopback, in one process, and what does a message cost in memory?
/// Beside it the same bytes over a bare socket, and the time for one message there and one back.
/// </summary>
/// <remarks><code>dotnet run -c Release --project bench/RaftKv.Benchmarks -- plain peers</code></remarks>
internal static class PeerTransportPlain
{
    private static readonly NodeId One = new(1);
    private static readonly NodeId Two = new(2);

    public static async Task RunAsync()
    {
        var receiver = new Counter();
        var echo = new Counter();
        await using var one = new PeerTransport(Options(One), echo);
        await using var two = new PeerTransport(Options(Two), receiver);
        await using var hostOne = await PeerHost.StartAsync(new PeerHostOptions(), one);
        await using var hostTwo = await PeerHost.StartAsync(new PeerHostOptions(), two);
        one.AddPeer(Two, [hostTwo.EndPoints[0]]);
        two.AddPeer(One, [hostOne.EndPoints[0]]);
        while (one.StatusOf(Two)?.IsConnected != true || two.StatusOf(One)?.IsConnected != true)
        {
            await Task.Delay(10);
        }

        Console.WriteLine("message                 messages/s       MB/s   allocated B/message");
        foreach (var (bytes, entries, count) in ((int, int, int)[])[(0, 0, 3_000_000), (256, 1, 1_000_000), (256, 16, 150_000), (4096, 1, 200_000), (1 << 20, 1, 1500)])
        {
            Message[] messages = [.. Enumerable.Range(0, 64).Select(i => Sample(i, entries, bytes))];
            await SendAsync(one, receiver, messages, count / 10);
            GC.Collect();
            var allocated = GC.GetTotalAllocatedBytes(precise: true);
            var clock = Stopwatch.StartNew();
            await SendAsync(one, receiver, messages, count);
            var seconds = clock.Elapsed.TotalSeconds;
            allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
            var name = entries == 0 ? "heartbeat" : string.Create(CultureInfo.InvariantCulture, $"append {entries} x {bytes} B");
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{name,-20} {count / seconds,13:N0} {(double)count * entries * bytes / seconds / 1e6,10:N1} {(double)allocated / count,12:N1}"));
        }

        await RoundTripAsync(one, two, receiver, echo);
        await RawSocketAsync();
    }

    private static async Task SendAsync(PeerTransport one, Counter receiver, Message[] messages, int count)
    {
        receiver.Expect(count);
        for (var i = 0; i < count; i++)
        {
            while (!one.Send(messages[i % messages.Length]))
            {
                // As much as may wait is waiting; a busy core would be told to slow down.
                one.Flush();
                await Task.Yield();
            }

            // As much as a busy core sends in one round.
            if (i % 16 == 15)
            {
                one.Flush();
            }
        }

        one.Flush();
        await receiver.All;
    }

    private static async Task RoundTripAsync(PeerTransport one, PeerTransport two, Counter receiver, Counter echo)
    {
        const int Count = 20_000;
        receiver.OnMessage = () =>
        {
            two.Send(new Message { Kind = MessageKind.HeartbeatResponse, From = Two, To = One, Term = 1, Token = 1 });
            two.Flush();
        };
        receiver.Expect(Count);
        var times = new double[Count];
        for (var i = 0; i < Count; i++)
        {
            echo.Expect(1);
            var begun = Stopwatch.GetTimestamp();
            one.Send(Sample(1, 0, 0));
            one.Flush();
            await echo.All;
            times[i] = Stopwatch.GetElapsedTime(begun).TotalMicroseconds;
        }

        Array.Sort(times);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"there and back: p50 {times[Count / 2]:N0} us, p99 {times[Count / 100 * 99]:N0} us"));
    }

    private static async Task RawSocketAsync()
    {
        const long Bytes = 2_000_000_000;
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var sender = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await sender.ConnectAsync(listener.LocalEndpoint);
        using var taker = await listener.AcceptSocketAsync();
        var clock = Stopwatch.StartNew();
        var taking = Task.Run(async () =>
        {
            var buffer = new byte[256 * 1024];
            for (var rest = Bytes; rest > 0;)
            {
                rest -= await taker.ReceiveAsync(buffer);
            }
        });
        var bytes = new byte[256 * 1024];
        for (var rest = Bytes; rest > 0;)
        {
            rest -= await sender.SendAsync(bytes.AsMemory(0, (int)Math.Min(rest, bytes.Length)));
        }

        await taking;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"bare socket: {Bytes / clock.Elapsed.TotalSeconds / 1e6:N1} MB/s"));
    }

    private static Message Sample(int index, int entries, int bytes) => new()
    {
        Kind = entries == 0 ? MessageKind.Heartbeat : MessageKind.Append,
        From = One,
        To = Two,
        Term = 1,
        Position = entries == 0 ? default : new LogPosition(1, 1000),
        Commit = 1000,
        Token = (ulong)index,
        Entries = Enumerable.Range(0, entries).Select(i => new Entry(1, (ulong)(1001 + i), EntryKind.Command, new byte[bytes])).ToArray(),
    };

    private static PeerOptions Options(NodeId self) => new() { ClusterId = 1, Self = self };

    private sealed class Counter : IPeerReceiver
    {
        private TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _rest;

        public Task All => _all.Task;

        public Action? OnMessage { get; set; }

        public void Expect(int count)
        {
            _all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref _rest, count);
        }

        public void Receive(ReadOnlySpan<Message> messages)
        {
            for (var i = 0; OnMessage is not null && i < messages.Length; i++)
            {
                OnMessage();
            }

            if (Interlocked.Add(ref _rest, -messages.Length) == 0)
            {
                _all.TrySetResult();
            }
        }

        // At the end, when the other one has stopped.
        public void Unreachable(NodeId peer)
        {
        }

        public void Gone(NodeId peer)
        {
        }

        public void SnapshotSent(NodeId peer, bool isDelivered)
        {
        }

        public ValueTask<ISnapshotSink> BeginSnapshotAsync(SnapshotOffer offer, CancellationToken cancellation)
            => throw new NotSupportedException();

        public void Removed(NodeId by)
        {
        }

        public void LostData(NodeId by)
        {
        }

        public void Broken(Exception problem) => Console.Error.WriteLine(problem);
    }
}
