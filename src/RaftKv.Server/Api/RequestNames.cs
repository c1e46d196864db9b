using RaftKv.Rpc.Server;
using RaftKv.Storage.State;

namespace RaftKv.Server.Api;

/// <summary>
/// How a client names a request that it may make again, and how a member says that it understands that: the answer to
/// Maintenance.Status carries a header. Clients that know nothing of it neither send nor see anything.
/// </summary>
internal static class RequestNames
{
    public const string FeaturesKey = "raftkv-features";
    public const string RequestIdFeature = "request-id";
    private const string RequestIdKey = "raftkv-request-id";

    /// <summary>The request's name; none if it has none, or one that says nothing.</summary>
    public static ClientRequest Of(RpcServerCall call)
        => call.Metadata(RequestIdKey) is { } text && ClientRequest.TryParse(text, out var request) ? request : default;

    public static void Announce(RpcServerCall call) => call.ResponseHeaders.Add(FeaturesKey, RequestIdFeature);
}
