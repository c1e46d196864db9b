using RaftKv.Client.Calls;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using Wire = RaftKv.Protocol.Etcd;

namespace RaftKv.Client;

/// <summary>How one member is doing, as it says itself.</summary>
/// <param name="Header">Who says so.</param>
/// <param name="Version">Of its program; of RaftKv's, the etcd whose API it offers.</param>
/// <param name="Leader">Whom it follows; 0 if nobody.</param>
/// <param name="DatabaseBytes">What its data takes.</param>
/// <param name="DatabaseBytesInUse">What of that is needed.</param>
/// <param name="CommitIndex">How far the cluster has agreed, as far as it knows.</param>
/// <param name="AppliedIndex">How far it has got.</param>
/// <param name="IsLearner">Whether it has no vote.</param>
/// <param name="Errors">What an operator must look at.</param>
public sealed record MemberStatus(
    AnswerHeader Header,
    string Version,
    ulong Leader,
    long DatabaseBytes,
    long DatabaseBytesInUse,
    ulong CommitIndex,
    ulong AppliedIndex,
    bool IsLearner,
    IReadOnlyList<string> Errors);

public enum AlarmKind
{
    /// <summary>None in particular: all, where alarms are asked for.</summary>
    None,

    /// <summary>A member has no more room; the cluster takes no writes.</summary>
    NoSpace,

    /// <summary>A member's data differs from the others'.</summary>
    Corrupt,
}

/// <summary>An alarm that was raised for a member.</summary>
public sealed record ClusterAlarm(ulong MemberId, AlarmKind Kind);

/// <summary>The hash of a member's keys.</summary>
/// <param name="Header">Who has hashed.</param>
/// <param name="Hash">Comparable between members where the two revisions are the same.</param>
/// <param name="Revision">Up to which revision.</param>
/// <param name="CompactRevision">What was compacted; -1 for nothing.</param>
public sealed record KeysHash(AnswerHeader Header, uint Hash, long Revision, long CompactRevision);

/// <summary>What operators need. Calls for one member take its address, one of the client's endpoints.</summary>
/// <example><code>
/// foreach (var endpoint in client.Maintenance.Endpoints)
/// {
///     var status = await client.Maintenance.GetStatusAsync(endpoint);
/// }
/// </code></example>
public sealed class RaftKvMaintenance
{
    private readonly Caller _caller;
    private readonly Channels _channels;

    internal RaftKvMaintenance(Caller caller, Channels channels)
    {
        _caller = caller;
        _channels = channels;
    }

    /// <summary>The members that the client knows.</summary>
    public IReadOnlyList<Uri> Endpoints => [.. _caller.Members.All.Select(member => member.Address)];

    /// <param name="endpoint">The member to ask; any, if null.</param>
    /// <param name="options">As for every call.</param>
    /// <param name="cancellation">Ends the call.</param>
    public async ValueTask<MemberStatus> GetStatusAsync(
        Uri? endpoint = null, CallOptions? options = null, CancellationToken cancellation = default)
    {
        var status = await _caller.RunAsync(Methods.Status, new Wire.StatusRequest(), options?.Timeout, cancellation, at: endpoint)
            .ConfigureAwait(false);
        return new(
            AnswerHeader.Of(status.Header),
            status.Version,
            status.Leader,
            status.DbSize,
            status.DbSizeInUse,
            status.RaftIndex,
            status.RaftAppliedIndex,
            status.IsLearner,
            [.. status.Errors]);
    }

    public ValueTask<IReadOnlyList<ClusterAlarm>> ListAlarmsAsync(CallOptions? options = null, CancellationToken cancellation = default)
        => AlarmAsync(new Wire.AlarmRequest { Action = Wire.AlarmRequest.Types.AlarmAction.Get }, options, cancellation);

    /// <summary>Ends an alarm. Ending one that was not raised is no error.</summary>
    public ValueTask<IReadOnlyList<ClusterAlarm>> EndAlarmAsync(
        ClusterAlarm alarm, CallOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(alarm);
        var request = new Wire.AlarmRequest
        {
            Action = Wire.AlarmRequest.Types.AlarmAction.Deactivate,
            MemberID = alarm.MemberId,
            Alarm = (Wire.AlarmType)alarm.Kind,
        };
        return AlarmAsync(request, options, cancellation);
    }

    /// <summary>Lets a member give back room that it does not need. A member of etcd serves nobody meanwhile.</summary>
    public async ValueTask DefragmentAsync(Uri endpoint, CallOptions? options = null, CancellationToken cancellation = default)
        => await _caller.RunAsync(Methods.Defragment, new Wire.DefragmentRequest(), options?.Timeout, cancellation, at: endpoint)
            .ConfigureAwait(false);

    /// <param name="endpoint">The member to ask; any, if null.</param>
    /// <param name="revision">0 for the latest.</param>
    /// <param name="options">As for every call.</param>
    /// <param name="cancellation">Ends the call.</param>
    public async ValueTask<KeysHash> HashKeysAsync(
        Uri? endpoint = null, long revision = 0, CallOptions? options = null, CancellationToken cancellation = default)
    {
        var request = new Wire.HashKVRequest { Revision = revision };
        var hash = await _caller.RunAsync(Methods.HashKv, request, options?.Timeout, cancellation, at: endpoint).ConfigureAwait(false);
        var header = AnswerHeader.Of(hash.Header);

        // Members of etcd before 3.6 do not say which revision they took.
        var hashed = hash.HashRevision != 0 ? hash.HashRevision : revision != 0 ? revision : header.Revision;
        return new(header, hash.Hash, hashed, hash.CompactRevision);
    }

    /// <summary>Hands leadership to a member. To be asked of the leader.</summary>
    public async ValueTask MoveLeaderAsync(Uri leader, ulong targetId, CallOptions? options = null, CancellationToken cancellation = default)
        => await _caller.RunAsync(
            Methods.MoveLeader, new Wire.MoveLeaderRequest { TargetID = targetId }, options?.Timeout, cancellation, at: leader).ConfigureAwait(false);

    /// <summary>Copies a member's whole state, for a backup. Takes as long as it takes; is not repeated.</summary>
    /// <returns>How many bytes were written, the checksum at their end included.</returns>
    public async ValueTask<long> SaveSnapshotAsync(Uri endpoint, Stream destination, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(destination);
        var written = 0L;
        try
        {
            var attempt = new RpcCallOptions
            {
                Address = endpoint,
                Metadata = await _caller.MetadataAsync(needsLeader: false, cancellation).ConfigureAwait(false),
                CancellationToken = cancellation,
            };
            var call = _channels.Bulk.ServerStreaming(EtcdMethods.Snapshot, new Wire.SnapshotRequest(), attempt);
            await using (call.ConfigureAwait(false))
            {
                await foreach (var piece in call.Responses.WithCancellation(cancellation).ConfigureAwait(false))
                {
                    await destination.WriteAsync(piece.Blob.Memory, cancellation).ConfigureAwait(false);
                    written += piece.Blob.Length;
                }
            }
        }
        catch (RpcException e)
        {
            throw Failure.Of(e).ToException(isWrite: false, mayBeDone: false, endpoint);
        }

        return written;
    }

    private async ValueTask<IReadOnlyList<ClusterAlarm>> AlarmAsync(
        Wire.AlarmRequest request, CallOptions? options, CancellationToken cancellation)
    {
        var response = await _caller.RunAsync(Methods.Alarm, request, options?.Timeout, cancellation).ConfigureAwait(false);
        return [.. response.Alarms.Select(alarm => new ClusterAlarm(alarm.MemberID, (AlarmKind)alarm.Alarm))];
    }
}
