using System.Globalization;
using System.Text.RegularExpressions;
using RaftKv.Protocol.Etcd;
using RaftKv.Raft;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using AlarmAction = RaftKv.Storage.State.AlarmAction;

namespace RaftKv.Server.Api;

/// <summary>etcdserverpb.Maintenance: what operators ask of one member.</summary>
internal sealed partial class MaintenanceService : IDisposable
{
    private readonly IMember _member;
    private readonly ApiOptions _options;
    private readonly Proposals _proposals;
    private readonly SnapshotStreams _streams;

    public MaintenanceService(IMember member, ApiOptions options, TimeProvider time, Proposals proposals)
    {
        _member = member;
        _options = options;
        _proposals = proposals;
        _streams = new SnapshotStreams(time);
        Service = new RpcService(RpcReflection.Descriptor.Services.Single(service => service.Name == "Maintenance"))
            .Unary("Alarm", Refusals.Told<AlarmRequest, AlarmResponse>(AlarmAsync))
            .Unary("Status", Refusals.Told<StatusRequest, StatusResponse>(StatusAsync))
            .Unary("Defragment", Refusals.Told<DefragmentRequest, DefragmentResponse>(DefragmentAsync))
            .Unary("Hash", Refusals.Told<HashRequest, HashResponse>(HashAsync))
            .Unary("HashKV", Refusals.Told<HashKVRequest, HashKVResponse>(HashKvAsync))
            .ServerStreaming("Snapshot", Refusals.Told<SnapshotRequest, SnapshotResponse>(SnapshotAsync))
            .Unary("MoveLeader", Refusals.Told<MoveLeaderRequest, MoveLeaderResponse>(MoveLeaderAsync))
            .Unary("Downgrade", Refusals.Told<DowngradeRequest, DowngradeResponse>(DowngradeAsync));
    }

    public RpcService Service { get; }

    public void Dispose() => _streams.Dispose();

    private async ValueTask<AlarmResponse> AlarmAsync(AlarmRequest request, RpcServerCall call)
    {
        var caller = request.Action == AlarmRequest.Types.AlarmAction.Get
            ? await _proposals.AnybodyAsync(call).ConfigureAwait(false)
            : await _proposals.RootAsync(call).ConfigureAwait(false);
        if (request.Action is < 0 or > AlarmRequest.Types.AlarmAction.Deactivate)
        {
            // Unknown to etcd as well, which then does nothing and says so little.
            return new AlarmResponse { Header = ResponseHeaders.Of(_member) };
        }

        var command = new AlarmCommand((AlarmAction)request.Action, new NodeId(request.MemberID), (AlarmKind)request.Alarm);
        var answer = await _proposals.ProposeAsync(command, caller, call.CancellationToken).ConfigureAwait(false);
        Proposals.Require(answer.Error);
        var response = AlarmResponse.Parser.ParseFrom(answer.Body.Span);
        response.Header = ResponseHeaders.Of(_member, answer.Revision);
        return response;
    }

    private async ValueTask<StatusResponse> StatusAsync(StatusRequest request, RpcServerCall call)
    {
        await _proposals.AnybodyAsync(call).ConfigureAwait(false);
        RequestNames.Announce(call);
        var status = _member.Status;
        var (taken, needed) = _member.Space;
        var response = new StatusResponse
        {
            Header = ResponseHeaders.Of(_member),
            Version = _options.ApiVersion,

            // Clients divide by it.
            DbSize = Math.Max(1, taken),
            DbSizeInUse = needed,
            DbSizeQuota = _options.QuotaBytes,
            Leader = status.Leader.Value,
            RaftIndex = status.CommitIndex,
            RaftAppliedIndex = status.AppliedIndex,
            RaftTerm = status.Term,
            IsLearner = status.IsLearner,
            StorageVersion = _options.StorageVersion,
            DowngradeInfo = new DowngradeInfo(),
        };
        if (status.Leader.IsNone)
        {
            response.Errors.Add(ApiErrors.NoLeader.Detail);
        }

        foreach (var alarm in _member.Alarms)
        {
            response.Errors.Add(TextOf(alarm));
        }

        return response;
    }

    private async ValueTask<DefragmentResponse> DefragmentAsync(DefragmentRequest request, RpcServerCall call)
    {
        await _proposals.RootAsync(call).ConfigureAwait(false);
        _member.RequestReclaim();
        return new DefragmentResponse();
    }

    // Of everything that is stored, etcd's is. What is stored differs from etcd's, so all that can be compared is the keys.
    private async ValueTask<HashResponse> HashAsync(HashRequest request, RpcServerCall call)
    {
        await _proposals.RootAsync(call).ConfigureAwait(false);
        using var view = _member.OpenView();
        return new HashResponse
        {
            Header = ResponseHeaders.Of(_member, view.Revision),
            Hash = HashKv.Of(view, view.Revision),
        };
    }

    private async ValueTask<HashKVResponse> HashKvAsync(HashKVRequest request, RpcServerCall call)
    {
        await _proposals.RootAsync(call).ConfigureAwait(false);
        using var view = _member.OpenView();
        Proposals.Require(
            request.Revision > view.Revision ? StateError.FutureRevision
            : request.Revision > 0 && request.Revision < view.Compacted ? StateError.Compacted
            : StateError.None);

        // Of a negative revision, as with etcd, it is the sum of nothing.
        var revision = request.Revision != 0 ? request.Revision : view.Revision;
        return new HashKVResponse
        {
            Header = ResponseHeaders.Of(_member, view.Revision),
            Hash = HashKv.Of(view, revision),
            CompactRevision = view.Compacted,
            HashRevision = revision,
        };
    }

    private async ValueTask SnapshotAsync(SnapshotRequest request, RpcResponseStream<SnapshotResponse> responses, RpcServerCall call)
    {
        await _proposals.RootAsync(call).ConfigureAwait(false);
        var stream = await _streams.BeginAsync(call, () => _member.OpenSnapshotAsync(call.CancellationToken)).ConfigureAwait(false);
        var isWhole = false;
        try
        {
            var source = stream.Source;
            using var blobs = new SnapshotBlobs(source.Length ?? _member.Space.Needed, stream.Offset, _options.StorageVersion, responses);
            await foreach (var piece in source.ReadAsync(0, call.CancellationToken).ConfigureAwait(false))
            {
                await blobs.WriteAsync(piece).ConfigureAwait(false);
            }

            await blobs.EndAsync().ConfigureAwait(false);
            isWhole = true;
        }
        finally
        {
            await _streams.EndAsync(stream, isWhole).ConfigureAwait(false);
        }
    }

    private async ValueTask<MoveLeaderResponse> MoveLeaderAsync(MoveLeaderRequest request, RpcServerCall call)
    {
        await _proposals.RootAsync(call).ConfigureAwait(false);
        if (_member.Status.Leader != _member.Self)
        {
            throw new RpcException(ApiErrors.NotLeader);
        }

        var target = new NodeId(request.TargetID);
        if (_member.Members.FirstOrDefault(member => member.Id == target) is not { IsLearner: false })
        {
            throw new RequestRefusedException(RequestRefusal.BadTransferTarget);
        }

        if (target != _member.Self)
        {
            await _member.TransferLeadershipAsync(target, call.CancellationToken).ConfigureAwait(false);
        }

        return new MoveLeaderResponse();
    }

    // There is no older version of ours whose data we could leave behind, so a downgrade may be asked about and not begun.
    private async ValueTask<DowngradeResponse> DowngradeAsync(DowngradeRequest request, RpcServerCall call)
    {
        await _proposals.RootAsync(call).ConfigureAwait(false);
        switch (request.Action)
        {
            case DowngradeRequest.Types.DowngradeAction.Validate:
                await _member.WaitUntilCurrentAsync(call.CancellationToken).ConfigureAwait(false);
                CheckDowngrade(request.Version);
                break;
            case DowngradeRequest.Types.DowngradeAction.Enable:
                await _member.WaitUntilCurrentAsync(call.CancellationToken).ConfigureAwait(false);
                CheckDowngrade(request.Version);
                throw new RpcException(ApiErrors.NotCapable);
            case DowngradeRequest.Types.DowngradeAction.Cancel:
                break;
            default:
                throw new RpcException(ApiErrors.UnknownMethod);
        }

        return new DowngradeResponse { Header = ResponseHeaders.Of(_member), Version = _options.ClusterVersion };
    }

    private void CheckDowngrade(string version)
    {
        var match = VersionPattern().Match(version);
        if (!match.Success
            || !int.TryParse(match.Groups[1].Value, CultureInfo.InvariantCulture, out var major)
            || !int.TryParse(match.Groups[2].Value, CultureInfo.InvariantCulture, out var minor))
        {
            throw new RpcException(ApiErrors.WrongDowngradeFormat);
        }

        var cluster = _options.ClusterVersion.Split('.').Select(part => int.Parse(part, CultureInfo.InvariantCulture)).ToArray();
        if (major != cluster[0] || minor != cluster[1] - 1)
        {
            throw new RpcException(ApiErrors.InvalidDowngradeTarget);
        }
    }

    // With the blank at the end, which tools cut off by themselves.
    private static string TextOf(Alarm alarm)
    {
        var name = alarm.Kind switch
        {
            AlarmKind.NoSpace => "NOSPACE",
            AlarmKind.Corrupt => "CORRUPT",
            _ => ((int)alarm.Kind).ToString(CultureInfo.InvariantCulture),
        };
        return string.Create(CultureInfo.InvariantCulture, $"memberID:{alarm.Member.Value} alarm:{name} ");
    }

    [GeneratedRegex(@"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))?\z", RegexOptions.CultureInvariant)]
    private static partial Regex VersionPattern();
}
