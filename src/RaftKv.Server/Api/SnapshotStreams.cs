using System.Globalization;
using RaftKv.Rpc.Server;
using RaftKv.Server.Peers;

namespace RaftKv.Server.Api;

/// <summary>
/// The snapshots that are being sent, and those whose stream is over, which are kept for a while: so that whoever was saving one
/// when it broke off can go on where it stopped, with the same state, to the byte.
/// </summary>
/// <remarks>
/// <para>What a stream is of is said in a header of the answer, and asked for in the same words:</para>
/// <code>
///   raftkv-snapshot: 0f8fad5bd9cb469fa16570867728950e:65536      the state's name, and the byte that the stream begins with
/// </code>
/// <para>Whoever asks to go on knows that their stream broke, and may know it earlier than this member does. So a stream that
/// is still being sent is stopped first, and one that was sent to its end is kept too, if not as long: what is in the buffers
/// on the way, megabytes perhaps, may not arrive.</para>
/// </remarks>
/// <param name="time">How long "a while" is reckoned by.</param>
internal sealed class SnapshotStreams(TimeProvider time) : IDisposable
{
    private const string Key = "raftkv-snapshot";
    private const int KeptMax = 2;

    private static readonly TimeSpan BrokenKeptFor = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan WholeKeptFor = TimeSpan.FromSeconds(15);

    private readonly Lock _gate = new();

    // In the order in which they were begun or broke.
    private readonly List<SnapshotStream> _streams = [];
    private bool _hasEnded;

    /// <summary>Begins a stream: one that goes on, if the call asks for that and the state is still here, or a new one.</summary>
    public async ValueTask<SnapshotStream> BeginAsync(RpcServerCall call, Func<ValueTask<ISnapshotSource>> open)
    {
        if (TryParse(call.Metadata(Key), out var id, out var offset) && await TryResumeAsync(id, call).ConfigureAwait(false) is { } broken)
        {
            broken.Offset = offset;
            Tell(call, broken);
            return broken;
        }

        var stream = new SnapshotStream(await open().ConfigureAwait(false));
        stream.Begin(call.HttpContext.Abort);
        lock (_gate)
        {
            _streams.Add(stream);
        }

        Tell(call, stream);
        return stream;
    }

    /// <summary>A stream is over: all of it was sent, or it broke.</summary>
    public async ValueTask EndAsync(SnapshotStream stream, bool isWhole)
    {
        var gone = new List<SnapshotStream>();
        var turn = stream.Turn;
        lock (_gate)
        {
            _streams.Remove(stream);
            if (_hasEnded)
            {
                gone.Add(stream);
            }
            else
            {
                _streams.Add(stream);
                var over = _streams.Where(one => one == stream || !one.IsSending).ToList();
                gone.AddRange(over.SkipLast(KeptMax));
                _streams.RemoveAll(gone.Contains);
            }

            stream.End();
        }

        foreach (var one in gone)
        {
            await one.Source.DisposeAsync().ConfigureAwait(false);
        }

        if (!gone.Contains(stream))
        {
            _ = ForgetLaterAsync(stream, turn, isWhole ? WholeKeptFor : BrokenKeptFor);
        }
    }

    /// <summary>The member stops: lets go of those that it keeps. Those that are being sent end by themselves.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _hasEnded = true;
            foreach (var stream in _streams.Where(stream => !stream.IsSending).ToList())
            {
                _streams.Remove(stream);
                _ = stream.Source.DisposeAsync().AsTask();
            }
        }
    }

    private static void Tell(RpcServerCall call, SnapshotStream stream)
        => call.ResponseHeaders.Add(Key, string.Create(CultureInfo.InvariantCulture, $"{stream.Source.Id:N}:{stream.Offset}"));

    private static bool TryParse(string? text, out Guid id, out long offset)
    {
        (id, offset) = (default, 0);
        return text?.Split(':') is [var name, var at]
            && Guid.TryParseExact(name, "N", out id)
            && long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out offset);
    }

    private async ValueTask<SnapshotStream?> TryResumeAsync(Guid id, RpcServerCall call)
    {
        while (true)
        {
            SnapshotStream? stream;
            lock (_gate)
            {
                stream = _streams.Find(one => one.Source.Id == id);
                if (stream is not { IsSending: true })
                {
                    stream?.Begin(call.HttpContext.Abort);
                    return stream;
                }
            }

            await stream.StopAsync().WaitAsync(call.CancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ForgetLaterAsync(SnapshotStream stream, int turn, TimeSpan pause)
    {
        await Task.Delay(pause, time).ConfigureAwait(false);
        lock (_gate)
        {
            // It may have been gone on with since, and have broken again.
            if (stream.IsSending || stream.Turn != turn || !_streams.Remove(stream))
            {
                return;
            }
        }

        await stream.Source.DisposeAsync().ConfigureAwait(false);
    }
}

/// <summary>A snapshot on its way to a client, or broken off. Its fields belong to <see cref="SnapshotStreams"/>.</summary>
/// <param name="source">What is sent.</param>
internal sealed class SnapshotStream(ISnapshotSource source)
{
    private volatile Action? _abort;
    private volatile TaskCompletionSource _sent = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ISnapshotSource Source => source;

    /// <summary>The byte that it begins with.</summary>
    public long Offset { get; set; }

    /// <summary>How often it was begun.</summary>
    public int Turn { get; private set; }

    public bool IsSending => _abort is not null;

    /// <param name="abort">Breaks the call that it is sent on.</param>
    public void Begin(Action abort)
    {
        Turn++;
        _sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _abort = abort;
    }

    /// <summary>Breaks the call that it is sent on.</summary>
    /// <returns>Ends when it is not being sent any more, which will be soon.</returns>
    public Task StopAsync()
    {
        var sent = _sent.Task;
        _abort?.Invoke();
        return sent;
    }

    public void End()
    {
        _abort = null;
        _sent.TrySetResult();
    }
}
