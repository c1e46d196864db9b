using System.Text;
using System.Text.Unicode;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Server.Replica;

namespace RaftKv.Server.Api;

/// <summary>What is asked of every call before its request is looked at, in etcd's order.</summary>
internal sealed class CallRules(IMember member, LeaderWatch leaders)
{
    /// <summary>Metadata by which a client names the version it was made for.</summary>
    public const string ClientVersionKey = "client-api-version";

    private const string RequireLeaderKey = "hasleader";

    /// <summary>An interceptor.</summary>
    public RpcHandler Around(RpcMethod method, RpcHandler next)
    {
        // Whether a range may be read from a learner depends on the request; the service looks.
        var isForLearners = method.Path is "/etcdserverpb.Maintenance/Status" or "/etcdserverpb.KV/Range"
            or "/etcdserverpb.Maintenance/Snapshot";
        var isStream = method.Shape != RpcShape.Unary;
        var isEnded = isStream && method.Path != "/etcdserverpb.Maintenance/Snapshot";

        // What says how things stand, and compares, is needed most when the data is wrong.
        var isForWrongData = method.Service is "grpc.health.v1.Health" || method.Path is "/etcdserverpb.Maintenance/Status"
            or "/etcdserverpb.Maintenance/HashKV" or "/etcdserverpb.Maintenance/Hash" or "/etcdserverpb.Cluster/MemberList";
        return call =>
        {
            if (member.IsOutOfService && !isForWrongData)
            {
                return call.Refuse(ApiErrors.OutOfService);
            }

            if (!isForLearners && member.Status.IsLearner)
            {
                return call.Refuse(ApiErrors.NotSupportedForLearner);
            }

            if (call.Metadata(ClientVersionKey) is { } version && !IsText(version))
            {
                return call.Refuse(ApiErrors.InvalidClientVersion);
            }

            if (call.Metadata(RequireLeaderKey) != "true" || (isStream && !isEnded))
            {
                return isStream && !isForWrongData ? leaders.RunAsync(next, call, needsLeader: false) : next(call);
            }

            return !leaders.HasLeader ? call.Refuse(ApiErrors.NoLeader)
                : isEnded ? leaders.RunAsync(next, call, needsLeader: true)
                : next(call);
        };
    }

    // The value arrives as its bytes, one in each character.
    private static bool IsText(string value)
        => Ascii.IsValid(value) || Utf8.IsValid(Encoding.Latin1.GetBytes(value));
}
