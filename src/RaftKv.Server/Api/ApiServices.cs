using RaftKv.Rpc.Server;
using RaftKv.Server.Replica;
using RaftKv.Server.Tokens;

namespace RaftKv.Server.Api;

/// <summary>
/// Everything that a member offers its clients over gRPC, and the rules around it.
/// </summary>
/// <example><code>
/// using var api = ApiServices.Create(member, new ApiOptions(), TimeProvider.System);
/// api.AddTo(options);
/// await using var host = await RpcHost.StartAsync(options);
/// </code></example>
public sealed class ApiServices : IDisposable
{
    // A request of the largest size still has to fit into its message.
    private const int MessageOverhead = 512 * 1024;

    private readonly ApiOptions _options;
    private readonly LeaderWatch _leaders;
    private readonly AuthService _auth;
    private readonly SpaceQuota _quota;
    private readonly MaintenanceService _maintenance;

    private ApiServices(IMember member, ApiOptions options, TimeProvider time, ICallerSource callers, ITokens? tokens)
    {
        _options = options;
        _leaders = new LeaderWatch(member, options.ElectionTimeout, time);
        _quota = new SpaceQuota(member, options, time);
        Gate = new OverloadGate(options);
        Interceptor = new CallRules(member, _leaders).Around;
        var proposals = new Proposals(member, options, callers);
        var kv = new KvService(member, options, proposals, _quota, Gate, new CallClock(options, time));
        var lease = new LeaseService(member, options, time, proposals, _quota);
        var inner = new InnerClient(kv, lease);
        _maintenance = new MaintenanceService(member, options, time, proposals);
        _auth = new AuthService(member, options, proposals, canBeEnabled: callers is not NobodyCalls, tokens);
        Services =
        [
            kv.Service,
            lease.Service,
            new WatchService(member, options, time, proposals).Service,
            new ClusterService(member, options, time, proposals).Service,
            _maintenance.Service,
            new LockService(member, inner).Service,
            new ElectionService(member, inner).Service,
            _auth.Service,
        ];
    }

    public IReadOnlyList<RpcService> Services { get; }

    internal OverloadGate Gate { get; }

    /// <summary>Belongs around every service of the server that has these.</summary>
    public RpcInterceptor Interceptor { get; }

    /// <param name="member">Must be running as long as the services are.</param>
    /// <param name="options">Limits.</param>
    /// <param name="time">For everything that happens after a while.</param>
    /// <param name="callers">Null as long as nobody can prove who they are.</param>
    public static ApiServices Create(IMember member, ApiOptions options, TimeProvider time, ICallerSource? callers = null)
        => new(member, options, time, callers ?? new NobodyCalls(), tokens: null);

    /// <summary>With tokens, and with callers who are known by them, or by their certificates.</summary>
    internal static ApiServices Create(IMember member, ApiOptions options, TimeProvider time, ITokens tokens, bool knowsCertificates)
        => new(member, options, time, new TokenCallers(member, tokens, knowsCertificates), tokens);

    /// <summary>Puts the services on a server, with what they expect of it.</summary>
    public void AddTo(RpcHostOptions server)
    {
        foreach (var service in Services)
        {
            server.Services.Add(service);
        }

        server.Server.Interceptors.Add(Interceptor);
        server.Server.RawMetadata.Add(CallRules.ClientVersionKey);
        server.Server.MaxReceiveMessageBytes = _options.MaxRequestBytes + MessageOverhead;
    }

    public void Dispose()
    {
        _leaders.Dispose();
        _quota.Dispose();
        _auth.Dispose();
        _maintenance.Dispose();
    }
}
