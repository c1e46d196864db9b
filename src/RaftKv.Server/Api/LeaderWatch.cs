using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Server.Replica;

namespace RaftKv.Server.Api;

/// <summary>
/// Ends streams whose clients asked for it when the member has known no leader for a while, and all streams when its data
/// turns out to be wrong. One timer looks for all of them.
/// </summary>
internal sealed class LeaderWatch : IDisposable
{
    private const int PatienceInTicks = 3;

    private readonly IMember _member;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private readonly HashSet<Stream> _streams = [];
    private int _leaderless;

    public LeaderWatch(IMember member, TimeSpan electionTimeout, TimeProvider time)
    {
        _member = member;
        _timer = time.CreateTimer(static self => ((LeaderWatch)self!).Look(), this, electionTimeout, electionTimeout);
    }

    public bool HasLeader => !_member.Status.Leader.IsNone;

    /// <summary>Runs a streaming call for as long as there is a leader, if that matters, and the data is right.</summary>
    public async ValueTask RunAsync(RpcHandler handler, RpcServerCall call, bool needsLeader)
    {
        // Makes the token, so that the call can be ended by it.
        _ = call.CancellationToken;
        var stream = new Stream(call, needsLeader);
        lock (_gate)
        {
            _streams.Add(stream);
        }

        try
        {
            await handler(call).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                _streams.Remove(stream);
            }

            stream.Leave();
        }
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        Stream[] ended;
        var isWrong = _member.IsOutOfService;
        lock (_gate)
        {
            _leaderless = HasLeader ? 0 : _leaderless + 1;
            if ((_leaderless < PatienceInTicks && !isWrong) || _streams.Count == 0)
            {
                return;
            }

            ended = [.. _streams.Where(stream => isWrong || stream.NeedsLeader)];
        }

        foreach (var stream in ended)
        {
            stream.End(isWrong ? ApiErrors.OutOfService : ApiErrors.NoLeader);
        }
    }

    /// <summary>A call that may be ended until its handler has left it.</summary>
    private sealed class Stream(RpcServerCall call, bool needsLeader)
    {
        public bool NeedsLeader { get; } = needsLeader;

        private readonly Lock _gate = new();
        private bool _isLeft;

        public void End(RpcStatus status)
        {
            lock (_gate)
            {
                if (!_isLeft)
                {
                    call.EndWith(status);
                }
            }
        }

        public void Leave()
        {
            lock (_gate)
            {
                _isLeft = true;
            }
        }
    }
}
