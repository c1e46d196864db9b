using RaftKv.Rpc;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Server.Api;

/// <summary>
/// Stops writes that would not fit any more. The member that notices raises an alarm, which stops them everywhere; it takes
/// it back when there is room again, or an operator does.
/// </summary>
/// <remarks>What is counted is what is needed: keys and values with their history. What was deleted and compacted does not
/// count, whether or not its bytes have left the disk. So there is nothing to be defragmented before writes go on.</remarks>
internal sealed class SpaceQuota : IDisposable
{
    /// <summary>What a lease counts for.</summary>
    public const long LeaseCost = 64;

    // What a key counts for beside its bytes.
    private const long PutOverhead = 256;

    // The alarm goes when so much of the quota is free again, so that it does not come and go with every write.
    private const double FreeShare = 0.2;

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private readonly IMember _member;
    private readonly long _quota;
    private readonly ITimer? _timer;
    private readonly Lock _gate = new();
    private Task _proposal = Task.CompletedTask;

    // Whether the alarm that stands is about space, as far as this process has seen. One that an operator has raised while
    // there was room stays until it is taken back.
    private bool _isAboutSpace;

    /// <param name="member">Whose space it is.</param>
    /// <param name="options">How much there may be.</param>
    /// <param name="time">By which it looks whether there is room again.</param>
    public SpaceQuota(IMember member, ApiOptions options, TimeProvider time)
    {
        _member = member;
        _quota = options.QuotaBytes;
        if (_quota > 0)
        {
            _timer = time.CreateTimer(static self => ((SpaceQuota)self!).Look(), this, LookInterval, LookInterval);
        }
    }

    private Alarm Alarm => new(_member.Self, AlarmKind.NoSpace);

    public static long CostOf(in PutRequest put) => PutOverhead + put.Key.Length + put.Value.Length;

    /// <summary>The dearer branch counts, with what is nested in it.</summary>
    public static long CostOf(TxnRequest txn) => Math.Max(CostOf(txn.Success), CostOf(txn.Failure));

    /// <param name="cost">0 for what adds nothing, which always fits.</param>
    /// <returns>False if it does not fit; then it is to be refused.</returns>
    public bool Fits(long cost) => cost == 0 || _quota <= 0 || _member.Space.Needed + cost < _quota;

    /// <summary>What to say to what does not fit, once the alarm is raised.</summary>
    /// <param name="cancellation">Ends the waiting for the alarm.</param>
    public async ValueTask<RpcStatus> RefuseAsync(CancellationToken cancellation)
    {
        if (!_member.Alarms.Contains(Alarm))
        {
            await Propose(AlarmAction.Activate).WaitAsync(cancellation).ConfigureAwait(false);
        }

        return ApiErrors.NoSpace;
    }

    public void Dispose() => _timer?.Dispose();

    private static long CostOf(IReadOnlyList<TxnOperation> operations)
    {
        var cost = 0L;
        foreach (var operation in operations)
        {
            cost += operation.Kind == TxnOperationKind.Put ? CostOf(operation.Put)
                : operation.Txn is { } nested ? CostOf(nested)
                : 0;
        }

        return cost;
    }

    private void Look()
    {
        if (!_member.Alarms.Contains(Alarm))
        {
            return;
        }

        if (_member.Space.Needed >= _quota * (1 - FreeShare))
        {
            _isAboutSpace = true;
        }
        else if (_isAboutSpace)
        {
            _ = Propose(AlarmAction.Deactivate);
        }
    }

    // Many writes may be refused at once, and one alarm is enough.
    private Task Propose(AlarmAction action)
    {
        lock (_gate)
        {
            if (_proposal.IsCompleted)
            {
                _isAboutSpace = action == AlarmAction.Activate;
                _proposal = ProposeAsync(action);
            }

            return _proposal;
        }
    }

    private async Task ProposeAsync(AlarmAction action)
    {
        try
        {
            var id = _member.NextRequestId();
            var alarm = new AlarmCommand(action, _member.Self, AlarmKind.NoSpace);
            await _member.ProposeAsync(CommandEnvelope.Encode(id, Caller.Nobody, alarm), id, CancellationToken.None).ConfigureAwait(false);
        }
        catch (RequestRefusedException)
        {
            // The write is refused all the same, and the next one, or the next look, tries again.
            _isAboutSpace = true;
        }
    }
}
