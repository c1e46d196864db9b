using System.Collections.Concurrent;
using System.Globalization;
using RaftKv.Client;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Checking.Rights;

namespace RaftKv.Faults.Workloads.Accounts;

/// <summary>
/// Under authentication: one client changes what a user may do, two write as root, and the others are the user, who tries to
/// see what it must not.
/// </summary>
internal sealed class AccountsWorkload : Workload
{
    private const int KeysOfAScope = 4;
    private const int Writers = 2;

    private readonly RightsChanges _rights = new();
    private readonly ConcurrentDictionary<int, Probes> _probes = new();
    private readonly ConcurrentDictionary<int, RaftKvClient> _writers = new();
    private readonly ConcurrentBag<long> _leases = [];
    private readonly TaskCompletionSource _isOpen = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _next;

    public override string Name => "accounts";

    public override string Story => "users, roles, permissions and passwords change, and a user probes for what it may not see";

    // Words of etcd's that make changes of passwords cheap, and tokens short-lived.
    public override IReadOnlyList<string> Flags => ["--bcrypt-cost", "4"];

    public override IReadOnlyList<string> OwnFlags => ["--auth-token-ttl", "2"];

    public override IReadOnlyList<IChecker> Checkers { get; } = [new OnlyWhatIsAllowed(), new EqualTables(), new RevisionOrder()];

    public override (string Name, string Password)? Operator => ("root", RightsChanges.RootPassword);

    public override Task PrepareAsync(ClientSession session) => _rights.BeginAsync(session);

    public override Task StepAsync(ClientSession session, CancellationToken stop) => session.Process switch
    {
        0 => ChangeAsync(session),
        <= Writers => WriteAsync(session),
        _ => _probes.GetOrAdd(session.Process, _ => new Probes(_rights, _leases)).StepAsync(session, Key(session)),
    };

    public override async Task FinishAsync(ClientSession session)
    {
        if (session.Process == 0)
        {
            await _rights.EndAsync(session);
            await TablesRead.TakeAsync(session.Cluster, session.Recorder);
            _isOpen.SetResult();
        }

        // A member may hear of it later than others.
        await _isOpen.Task;
        for (var done = session.Asked("ping"); done.Found is null;)
        {
            done = await session.ReadAsync(session.Asked("ping"), async operation =>
            {
                var range = await session.Client.RangeAsync("ping");
                return operation with { Revision = range.Header.Revision, Found = new() };
            });
        }

        await (_probes.TryRemove(session.Process, out var probes) ? probes.CloseAsync() : Task.CompletedTask);
        await (_writers.TryRemove(session.Process, out var writer) ? writer.DisposeAsync() : default);
    }

    // Rights that change all the time are hardly ever there to be tried.
    private async Task ChangeAsync(ClientSession session)
    {
        await _rights.StepAsync(session);
        await Task.Delay(session.Chance.Next(100, 500));
    }

    private async Task WriteAsync(ClientSession session)
    {
        var key = Key(session);
        var value = string.Create(CultureInfo.InvariantCulture, $"{key}#{Interlocked.Increment(ref _next)}");
        var client = _writers.GetOrAdd(session.Process, _ => RaftKvClient.Connect(new RaftKvClientOptions
        {
            Endpoints = session.Cluster.Endpoints,
            FollowsMembers = true,
            Timeout = ClientSession.Timeout,
            UserName = "root",
            Password = RightsChanges.RootPassword,
        }));
        var lease = 0L;
        if (session.Chance.Next(20) == 0)
        {
            await session.WriteAsync(session.Asked("grant") with { TimeToLive = 60 }, async operation =>
            {
                lease = (await client.GrantLeaseAsync(TimeSpan.FromSeconds(60))).Id;
                _leases.Add(lease);
                return operation with { Lease = lease };
            });
        }

        await session.WriteAsync(session.Asked("write", key) with { Value = value, Lease = lease == 0 ? null : lease }, async operation =>
        {
            var put = await client.PutAsync(key, value, new PutOptions { Lease = lease });
            return operation with { Revision = put.Revision, Wrote = true };
        });
    }

    private static string Key(ClientSession session)
        => string.Create(CultureInfo.InvariantCulture, $"{session.Pick(RightsChanges.Scopes)}{session.Chance.Next(KeysOfAScope)}");
}
