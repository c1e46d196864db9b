using Microsoft.Extensions.Logging;
using RaftKv.Server.Api;
using RaftKv.Server.Hosting;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Server.Housekeeping;

/// <summary>
/// Drops history by itself. Every member watches the revision, and only the leader proposes: one that comes to lead goes on
/// with what it has seen itself.
/// </summary>
internal sealed class AutoCompactor : IDisposable
{
    private readonly IMember _member;
    private readonly AutoCompaction _plan;
    private readonly ILogger _log;
    private readonly CompactionSchedule _schedule;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private bool _isProposing;
    private bool _isDisposed;

    /// <param name="member">Must have started.</param>
    /// <param name="plan">Not off.</param>
    /// <param name="time">By which it looks.</param>
    /// <param name="log">Told of what was done.</param>
    public AutoCompactor(IMember member, AutoCompaction plan, TimeProvider time, ILogger log)
    {
        _member = member;
        _plan = plan;
        _log = log;
        _schedule = CompactionSchedule.Of(plan);
        Look();
        _timer = time.CreateTimer(static self => ((AutoCompactor)self!).Look(), this, _schedule.Interval, _schedule.Interval);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
        }

        _timer.Dispose();
    }

    private void Look()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            var revision = ResponseHeaders.CurrentRevision(_member);
            if (_schedule.Look(revision) is { } target && !_isProposing && _member.Status.Leader == _member.Self)
            {
                _isProposing = true;
                _ = CompactAsync(target);
            }
        }
    }

    private async Task CompactAsync(long target)
    {
        // Not on the timer's thread, with the lock held.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var isDone = false;
        try
        {
            var request = new WireWriter();
            request.Number(1, target);
            var id = _member.NextRequestId();
            var payload = CommandEnvelope.Encode(id, Caller.Nobody, CommandKind.CompactByItself, request.Written);
            var answer = await _member.ProposeAsync(payload, id, CancellationToken.None).ConfigureAwait(false);

            // Somebody else has gone further: so much the better.
            isDone = answer.Error is StateError.None or StateError.Compacted;
            if (answer.Error == StateError.None)
            {
                Log.Compacted(_log, target, _plan.ToString());
            }
            else if (!isDone)
            {
                Log.NotCompacted(_log, target, ApiErrors.Of(answer.Error).Detail);
            }
        }
        catch (RequestRefusedException refused)
        {
            Log.NotCompacted(_log, target, refused.Message);
        }

        lock (_gate)
        {
            _isProposing = false;
            if (isDone)
            {
                _schedule.Done(target);
            }
        }
    }
}
