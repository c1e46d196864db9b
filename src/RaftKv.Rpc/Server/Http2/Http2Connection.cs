using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace RaftKv.Rpc.Server.Http2;

/// <summary>
/// One client's HTTP/2 connection. One task reads frames and starts handlers; whoever has something to say puts frames
/// into one buffer, under one lock, and whoever finds nobody sending sends it.
/// <code>
///   read ──frames──> streams ──handlers──> ResponseBody ──(windows)──> _filling ──swap──> _sending ──> transport
/// </code>
/// </summary>
/// <remarks>
/// <para>What a client can make the connection hold is bounded: by the windows that it was given for what it sends, by its
/// own reading for what it is sent (nothing of a body enters the buffer while there is much in it), by the number of
/// streams, and by that of handlers that still run for streams that were given up.</para>
/// </remarks>
internal sealed partial class Http2Connection : IHttpConnectionFeature
{
    // For whoever broke the rules, and for others, who may have an answer to read.
    private static readonly TimeSpan ShortPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongPatience = TimeSpan.FromSeconds(30);

    private readonly ConnectionContext _transport;
    private readonly Lock _gate = new();
    private readonly Dictionary<int, Http2Stream> _streams = [];
    private readonly Stack<Http2Stream> _idle = [];
    private TaskCompletionSource? _handlersEnded;

    // Handlers that run, those of streams that are gone among them.
    private int _handlers;

    // No more streams are begun; the connection ends with the last.
    private bool _isDraining;

    // Nothing more is said.
    private bool _isClosed;

    private long _heardAt = Environment.TickCount64;
    private long _pingedAt;

    public Http2Connection(Http2Server server, ConnectionContext transport)
    {
        Server = server;
        _transport = transport;
        _decoder = new Hpack.HeaderDecoder(server.RawNames);
        var remote = transport.RemoteEndPoint as IPEndPoint;
        var local = transport.LocalEndPoint as IPEndPoint;
        ConnectionId = transport.ConnectionId;
        (RemoteIpAddress, RemotePort) = (remote?.Address, remote?.Port ?? 0);
        (LocalIpAddress, LocalPort) = (local?.Address, local?.Port ?? 0);
    }

    public Http2Server Server { get; }

    public IFeatureCollection Features => _transport.Features;

    public string ConnectionId { get; set; }

    public IPAddress? RemoteIpAddress { get; set; }

    public IPAddress? LocalIpAddress { get; set; }

    public int RemotePort { get; set; }

    public int LocalPort { get; set; }

    public async Task RunAsync()
    {
        Greet();
        var patience = LongPatience;
        var closing = _transport.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? default;
        var onClosing = closing.UnsafeRegister(static self => ((Http2Connection)self!).BeginClosing(), this);
        var onClosed = _transport.ConnectionClosed.UnsafeRegister(static self => ((Http2Connection)self!).Lose(), this);
        try
        {
            await ReadAsync().ConfigureAwait(false);
            SayFarewell(Http2Error.None);
        }
        catch (Http2Exception broken)
        {
            Server.LogConnectionEnded(_transport.RemoteEndPoint, broken.Message);
            patience = ShortPatience;
            SayFarewell(broken.Error);
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The client, or the server's patience.
        }
        finally
        {
            await onClosing.DisposeAsync().ConfigureAwait(false);
            await FinishAsync(patience).ConfigureAwait(false);
            await onClosed.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Now and then: whether the client is still there.</summary>
    public void Tick()
    {
        if (Server.Limits.KeepAliveInterval is not { } interval)
        {
            return;
        }

        var now = Environment.TickCount64;
        var silent = now - Volatile.Read(ref _heardAt);
        bool sends, isGone;
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            if (silent < interval.TotalMilliseconds)
            {
                _pingedAt = 0; // Whatever it says, it is there.
                return;
            }

            if (_pingedAt == 0)
            {
                _pingedAt = now;
                AppendPing();
            }
            else if (now - _pingedAt <= Server.Limits.KeepAliveTimeout.TotalMilliseconds)
            {
                return;
            }
            else
            {
                _isClosed = true;
            }

            isGone = _isClosed;
            sends = !isGone && BeginSending();
        }

        if (isGone)
        {
            _transport.Abort(new ConnectionAbortedException("A ping was not answered."));
        }
        else
        {
            Send(sends, isUrgent: false);
        }
    }

    // The server stops.
    private void BeginClosing()
    {
        bool sends;
        lock (_gate)
        {
            if (_isDraining || _isClosed)
            {
                return;
            }

            _isDraining = true;
            AppendGoAway(Http2Error.None, int.MaxValue);
            sends = BeginSending();
            StopIfDrained();
        }

        Send(sends, isUrgent: false);
    }

    // Wakes the reader, who goes. Under the lock, which the reader must not meet: so on another thread.
    private void StopIfDrained()
    {
        if (_isDraining && !_isClosed && _streams.Count == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static input => input.CancelPendingRead(), _transport.Transport.Input, preferLocal: false);
        }
    }

    private bool IsDrained
    {
        get
        {
            lock (_gate)
            {
                return _isDraining && _streams.Count == 0;
            }
        }
    }

    private void SayFarewell(Http2Error error)
    {
        bool sends;
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            AppendGoAway(error);
            _isClosed = true;
            sends = BeginSending();
        }

        Send(sends, isUrgent: true);
    }

    // Nobody is there any more.
    private void Lose()
    {
        lock (_gate)
        {
            _isClosed = true;
        }

        AbandonAll(new ConnectionResetException("The client has gone."));
    }

    private void AbandonAll(Exception reason)
    {
        Http2Stream[] streams;
        lock (_gate)
        {
            streams = [.. _streams.Values];
            foreach (var stream in streams)
            {
                Forget(stream);
            }
        }

        foreach (var stream in streams)
        {
            stream.Abandon(reason);
        }
    }

    private async Task FinishAsync(TimeSpan patience)
    {
        lock (_gate)
        {
            _isClosed = true;
        }

        AbandonAll(new ConnectionResetException("The connection has ended."));
        var sent = SentAsync();
        await sent.WaitAsync(patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!sent.IsCompleted)
        {
            _transport.Abort(new ConnectionAbortedException("The client does not take what is left to say."));
        }

        Task ended;
        lock (_gate)
        {
            ended = _handlers == 0 ? Task.CompletedTask : (_handlersEnded = new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        await _transport.Transport.Output.CompleteAsync().ConfigureAwait(false);
        await _transport.Transport.Input.CompleteAsync().ConfigureAwait(false);
        await ended.ConfigureAwait(false);
        lock (_gate)
        {
            if (!_isSending)
            {
                _filling.Release();
                _sending.Release();
            }
        }

        _headerBlock.Release();
    }

    /// <summary>A handler has ended: its answer does, as soon as all of it is on its way.</summary>
    public void Complete(Http2Stream stream)
    {
        bool sends, isAlone;
        lock (_gate)
        {
            _handlers--;
            if (_handlers == 0)
            {
                _handlersEnded?.TrySetResult();
            }

            stream.Sending.IsComplete = true;
            if (stream.Receiving.IsReset)
            {
                stream.Answer.Clear();
                return;
            }

            stream.Answer.Flush();
            Enqueue(stream);
            Pump();
            sends = BeginSending();
            isAlone = _handlers == 0;
        }

        Send(sends, isUrgent: isAlone);
    }

    /// <summary>A handler gives its stream up.</summary>
    public void ResetStream(Http2Stream stream, Http2Error error)
    {
        bool sends;
        lock (_gate)
        {
            if (stream.Receiving.IsReset || stream.Sending.HasEnded || _isClosed)
            {
                return;
            }

            AppendReset(stream.Id, error, stream.Receiving.HasEnded);
            Forget(stream);
            sends = BeginSending();
        }

        Send(sends, isUrgent: false);
        stream.Abandon(new ConnectionAbortedException("The request was given up."));
    }

    /// <summary>Takes back an answer of which nothing is on its way.</summary>
    public void DropAnswer(Http2Stream stream)
    {
        lock (_gate)
        {
            stream.Answer.Clear();
        }
    }

    // Takes a stream out that was given up, by whomever. Under the lock.
    private void Forget(Http2Stream stream)
    {
        stream.Receiving.IsReset = true;
        _streams.Remove(stream.Id);
        stream.Place.List?.Remove(stream.Place);
        stream.Sending.Flushing?.TrySetResult(new(isCanceled: false, isCompleted: true));
        stream.Sending.Flushing = null;
        if (stream.Sending.IsComplete)
        {
            stream.Answer.Clear();
        }

        StopIfDrained();
    }
}
