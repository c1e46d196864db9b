using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Server.Api;

/// <summary>
/// Stops writes that would not fit any more. The member that notices raises an alarm, which stops them everywhere, until
/// an operator has made room and takes it back.
/// </summary>
internal sealed class SpaceQuota(IMember member, ApiOptions options)
{
    /// <summary>What a lease counts for.</summary>
    public const long LeaseCost = 64;

    // What a key counts for beside its bytes.
    private const long PutOverhead = 256;

    public static long CostOf(in PutRequest put) => PutOverhead + put.Key.Length + put.Value.Length;

    /// <summary>The dearer branch counts. What is nested does not: it is caught when it is applied.</summary>
    public static long CostOf(TxnRequest txn)
        => Math.Max(
            txn.Success.Sum(operation => operation.Kind == TxnOperationKind.Put ? CostOf(operation.Put) : 0),
            txn.Failure.Sum(operation => operation.Kind == TxnOperationKind.Put ? CostOf(operation.Put) : 0));

    /// <param name="cost">0 for what adds nothing, which always fits.</param>
    /// <param name="cancellation">Ends the waiting for the alarm.</param>
    /// <returns>False if it does not fit; the alarm stands then.</returns>
    public ValueTask<bool> FitsAsync(long cost, CancellationToken cancellation)
        => cost == 0 || options.QuotaBytes <= 0 || member.Space.Needed + cost < options.QuotaBytes ? new(true) : RaiseAsync(cancellation);

    private async ValueTask<bool> RaiseAsync(CancellationToken cancellation)
    {
        if (!member.Alarms.Contains(new Alarm(member.Self, AlarmKind.NoSpace)))
        {
            var id = member.NextRequestId();
            var alarm = new AlarmCommand(AlarmAction.Activate, member.Self, AlarmKind.NoSpace);
            await member.ProposeAsync(CommandEnvelope.Encode(id, Caller.Nobody, alarm), id, cancellation).ConfigureAwait(false);
        }

        return false;
    }
}
