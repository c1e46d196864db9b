using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace RaftKv.Load.Tests;

/// <summary>
/// One connection of a server that speaks as little HTTP/2 as the load does, and watches whether the load keeps to what it
/// was told: streams at a time, size of frames, windows.
/// </summary>
internal sealed class FakeServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<int, List<byte>> _open = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly Task _running;
    private NetworkStream? _stream;

    // The load has confirmed what it was told. What it began before, it began without knowing.
    private bool _isKnown;

    public FakeServer()
    {
        _listener.Start();
        Endpoint = new LoadEndpoint("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port);
        _running = RunAsync();
    }

    public LoadEndpoint Endpoint { get; }

    /// <summary>How many streams it allows at a time.</summary>
    public int MaxStreams { get; init; } = 1000;

    /// <summary>How many bytes of a stream may come before it allows more, which it does by as many.</summary>
    public int Window { get; init; } = 65_535;

    /// <summary>Waited for before each answer.</summary>
    public Func<Task> BeforeAnswer { get; init; } = () => Task.CompletedTask;

    /// <summary>Whether the request of this number, from 0, is answered without a message, as errors are.</summary>
    public Func<int, bool> Refuses { get; init; } = _ => false;

    /// <summary>After so many requests it hangs up.</summary>
    public int HangsUpAfter { get; init; } = int.MaxValue;

    /// <summary>All requests' messages, in the order in which they were complete.</summary>
    public List<byte[]> Requests { get; } = [];

    /// <summary>What the load did wrong; empty if nothing.</summary>
    public ConcurrentQueue<string> Complaints { get; } = new();

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        if (_stream is not null)
        {
            await _stream.DisposeAsync();
        }

        await _running;
        _writing.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            using var socket = await _listener.AcceptSocketAsync();
            socket.NoDelay = true;
            _stream = new NetworkStream(socket);
            await _stream.ReadExactlyAsync(new byte[24]);
            byte[] settings = [0, 3, 0, 0, (byte)(MaxStreams >> 8), (byte)MaxStreams, 0, 4, 0, 0, (byte)(Window >> 8), (byte)Window];
            await SendAsync(4, 0, 0, settings);
            var windows = new Dictionary<int, int>();
            while (await ReadAsync(windows))
            {
            }
        }
        catch (Exception gone) when (gone is IOException or SocketException or ObjectDisposedException)
        {
            // The load, or the test, has ended.
        }
    }

    private async Task<bool> ReadAsync(Dictionary<int, int> windows)
    {
        var header = new byte[9];
        await _stream!.ReadExactlyAsync(header);
        var payload = new byte[(header[0] << 16) | (header[1] << 8) | header[2]];
        await _stream.ReadExactlyAsync(payload);
        var stream = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(5));
        if (payload.Length > 16_384)
        {
            Complaints.Enqueue($"a frame of {payload.Length} bytes");
        }

        if (header[3] == 1)
        {
            _open[stream] = [];
            windows[stream] = _isKnown ? Window : int.MaxValue / 2;
            if (_isKnown && _open.Count > MaxStreams)
            {
                Complaints.Enqueue($"{_open.Count} streams at a time");
            }
        }
        else if (header[3] == 4 && header[4] == 1)
        {
            _isKnown = true;
        }
        else if (header[3] == 0)
        {
            windows[stream] -= payload.Length;
            if (windows[stream] < 0)
            {
                Complaints.Enqueue($"{-windows[stream]} bytes more than the window of stream {stream}");
            }

            _open[stream].AddRange(payload);
            if ((header[4] & 1) != 0)
            {
                Requests.Add([.. _open[stream].Skip(5)]);
                if (Requests.Count >= HangsUpAfter)
                {
                    return false;
                }

                _ = AnswerAsync(stream, Requests.Count - 1);
            }
            else
            {
                windows[stream] += payload.Length;
                await SendAsync(8, 0, stream, Number(payload.Length));
            }

            await SendAsync(8, 0, 0, Number(payload.Length));
        }

        return true;
    }

    private async Task AnswerAsync(int stream, int number)
    {
        try
        {
            await BeforeAnswer();
            _open.Remove(stream, out _);
            if (!Refuses(number))
            {
                await SendAsync(1, 4, stream, [0x88]);
                await SendAsync(0, 0, stream, [0, 0, 0, 0, 0]);
            }

            await SendAsync(1, 5, stream, [0x88]);
        }
        catch (Exception gone) when (gone is IOException or ObjectDisposedException)
        {
            // Nobody waits for it.
        }
    }

    private async Task SendAsync(byte kind, byte flags, int stream, byte[] payload)
    {
        byte[] frame = [0, (byte)(payload.Length >> 8), (byte)payload.Length, kind, flags, .. Number(stream), .. payload];
        await _writing.WaitAsync();
        try
        {
            await _stream!.WriteAsync(frame);
        }
        finally
        {
            _writing.Release();
        }
    }

    private static byte[] Number(int number) => [(byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number];
}
