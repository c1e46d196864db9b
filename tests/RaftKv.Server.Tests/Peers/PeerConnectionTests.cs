using System.IO.Pipelines;
using RaftKv.Server.Peers;

namespace RaftKv.Server.Tests.Peers;

/// <summary>Who writes when, at the end that was connected to.</summary>
public sealed class PeerConnectionTests : IAsyncDisposable
{
    private static readonly byte[] Welcome = [1, 2, 3];

    private readonly SlowLine _line = new();
    private readonly List<bool> _closed = [];
    private readonly PeerConnection _connection;

    public PeerConnectionTests()
        => _connection = new PeerConnection(PipeReader.Create(Stream.Null), _line, _closed.Add, isCaller: false, new PeerOptions { ClusterId = 1, Self = new(1) });

    [Fact]
    public async Task One_that_ends_before_it_has_greeted_says_nothing_any_more()
    {
        await _connection.EndAsync("over");
        var refused = await Assert.ThrowsAsync<PeerConnectionException>(() => _connection.GreetAsync(Welcome).AsTask());

        Assert.Equal("over", refused.Message);
        Assert.Empty(_line.Written);
        Assert.Equal([true], _closed);
    }

    [Fact]
    public async Task One_that_ends_while_it_greets_does_not_write_a_farewell_into_it()
    {
        var gate = new TaskCompletionSource();
        _line.Gate = gate.Task;
        var greeting = _connection.GreetAsync(Welcome).AsTask();
        var ending = _connection.EndAsync("over").AsTask();
        gate.SetResult();
        await greeting;
        await ending;

        Assert.Equal(Welcome, Assert.Single(_line.Written));
        Assert.Equal([true], _closed);
    }

    [Fact]
    public async Task One_that_has_greeted_writes_what_waited_and_says_farewell()
    {
        var frame = PeerConnection.Frame(FrameKind.Alive, []);
        var writing = _connection.WriteAsync(frame).AsTask();
        Assert.Empty(_line.Written);
        await _connection.GreetAsync(Welcome);
        await writing;
        await _connection.EndAsync("over");

        Assert.Equal([Welcome, frame, PeerConnection.Frame(FrameKind.Farewell, "over"u8)], _line.Written);
        Assert.Equal([false], _closed);
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        await _line.DisposeAsync();
    }

    /// <summary>Takes one write at a time, as TLS does.</summary>
    private sealed class SlowLine : MemoryStream
    {
        private int _writers;

        public Task Gate { get; set; } = Task.CompletedTask;

        public List<byte[]> Written { get; } = [];

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Assert.Equal(1, Interlocked.Increment(ref _writers));
            await Gate;
            Written.Add(buffer.ToArray());
            Interlocked.Decrement(ref _writers);
        }
    }
}
