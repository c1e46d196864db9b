using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.Stores;

/// <summary>
/// A store of one or more members on this machine, in a folder of its own that goes with it. The same flags start etcd
/// and raftkv.
/// </summary>
/// <example><code>
/// await using var store = await StoreProcess.StartAsync(StoreProgram.FindEtcd()!, members: 3);
/// await store.Members[0].KillAsync();
/// await store.RestartAsync(store.Members[0]);
/// </code></example>
public sealed class StoreProcess : IAsyncDisposable
{
    /// <summary>What all stores are founded with.</summary>
    public const string ClusterToken = "compatibility";

    private const int Tries = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan CallPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly string _folder;
    private readonly string? _logFolder;
    private readonly IStoreGround _ground;
    // Replaced and never changed, because others look at it while members come and go.
    private volatile IReadOnlyList<StoreMember> _members = [];
    private int _named;

    private StoreProcess(StoreProgram program, string folder, string? logFolder, IStoreGround ground)
    {
        Program = program;
        _folder = folder;
        _logFolder = logFolder;
        _ground = ground;
    }

    public StoreProgram Program { get; }

    public IReadOnlyList<StoreMember> Members => _members;

    /// <summary>The client addresses of all members, as --endpoints wants them.</summary>
    public string Endpoints => string.Join(',', Members.Select(member => member.Client.GetLeftPart(UriPartial.Authority)));

    /// <summary>Starts all members and waits until each knows a leader.</summary>
    /// <exception cref="StoreException">It did not come up; the text has what it printed.</exception>
    /// <param name="logFolder">Where all that the members print stays when they are gone; null: it goes with them.</param>
    /// <param name="ground">Where the members stand; null: on free ports, in a folder that goes with them.</param>
    /// <param name="prepare">Done for each member before it is started for the first time, with the addresses of all as
    /// --initial-cluster takes them.</param>
    public static async Task<StoreProcess> StartAsync(
        StoreProgram program,
        int members = 1,
        string? logFolder = null,
        IStoreGround? ground = null,
        Func<StoreMember, string, Task>? prepare = null,
        CancellationToken cancellation = default)
    {
        for (var attempt = 1; ; attempt++)
        {
            var store = Create(program, members, logFolder, ground);
            try
            {
                foreach (var member in store.Members)
                {
                    if (prepare is not null)
                    {
                        Directory.CreateDirectory(member.Folder);
                        await prepare(member, string.Join(',', store.Members.Select(one => $"{one.Name}={Text(one.Peer)}")));
                    }
                }

                foreach (var member in store.Members)
                {
                    member.Start();
                }

                foreach (var member in store.Members)
                {
                    await store.WaitUntilReadyAsync(member, cancellation);
                }

                return store;
            }
            catch (StoreException trouble) when (attempt < Tries && trouble.Message.Contains("in use", StringComparison.Ordinal))
            {
                // The port was free when it was chosen, and somebody was faster.
                await store.DisposeAsync();
            }
            catch
            {
                await store.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>Starts a member that was killed, and waits until it is ready.</summary>
    public async Task RestartAsync(StoreMember member, CancellationToken cancellation = default)
    {
        await member.KillAsync();
        member.Start();
        await WaitUntilReadyAsync(member, cancellation);
    }

    /// <summary>Adds a member to the cluster and starts it, as its operator would: first the call, then the process.</summary>
    /// <param name="isLearner">It gets what the others have and has no vote.</param>
    public async Task<StoreMember> AddAsync(bool isLearner = false, CancellationToken cancellation = default)
    {
        var place = _ground.Place($"m{++_named}");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        var known = await JoinAsync(place.Peer, isLearner, patience.Token);

        // A new one's name is not known to the cluster before it has said it, and not to all of it at once.
        var names = _members.ToDictionary(one => Text(one.Peer), one => one.Name);
        names[Text(place.Peer)] = place.Name;
        var cluster = string.Join(',', known.SelectMany(other => other.PeerURLs.Select(url => $"{names.GetValueOrDefault(url, other.Name)}={url}")));
        var member = NewMember(place, cluster, "existing");
        _members = [.. _members, member];
        member.Start();

        // A learner of etcd 3.4 answers no calls but this one; it is there when it knows who leads.
        await WaitUntilReadyAsync(member, cancellation);
        return member;
    }

    /// <summary>Removes a member from the cluster through another one, and ends it.</summary>
    public async Task RemoveAsync(StoreMember member, CancellationToken cancellation = default)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        while (true)
        {
            var list = await TryAsync<MemberListResponse>("member-list", new MemberListRequest(), except: member);
            var id = list?.Members.SingleOrDefault(known => known.PeerURLs.Contains(Text(member.Peer)))?.ID;
            if (list is not null && (id is null
                || await TryAsync<MemberRemoveResponse>("member-remove", new MemberRemoveRequest { ID = id.Value }, except: member) is not null))
            {
                break;
            }

            await Task.Delay(Pause, patience.Token);
        }

        await member.KillAsync();
        _members = [.. _members.Where(other => other != member)];
        member.Dispose();
    }

    /// <summary>Takes a member that does not run for lost, without telling the cluster.</summary>
    public void Forget(StoreMember member)
    {
        _members = [.. _members.Where(other => other != member)];
        member.Dispose();
    }

    /// <summary>The member that the members themselves take for the leader; waits until there is one that is running.</summary>
    public async Task<StoreMember> LeaderAsync(CancellationToken cancellation = default)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        while (true)
        {
            foreach (var member in _members.Where(member => member.IsRunning))
            {
                await using var client = new StoreClient(member.Client) { Patience = CallPatience };
                try
                {
                    var status = await client.CallAsync<StatusResponse>("status", new StatusRequest());
                    if (status.Leader == status.Header.MemberId && status.Leader != 0)
                    {
                        return member;
                    }
                }
                catch (StoreException)
                {
                    // Then it does not lead.
                }
            }

            await Task.Delay(Pause, patience.Token);
        }
    }

    /// <summary>A folder for a test's own files, which goes with the store.</summary>
    public string NewFolder(string name) => Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;

    public ValueTask DisposeAsync()
    {
        foreach (var member in _members)
        {
            member.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static StoreProcess Create(StoreProgram program, int count, string? logFolder, IStoreGround? ground)
    {
        if (logFolder is not null)
        {
            Directory.CreateDirectory(logFolder);
        }

        var folder = Directory.CreateTempSubdirectory($"{program.Name}-").FullName;
        var store = new StoreProcess(program, folder, logFolder, ground ?? new LocalGround(folder));
        var places = Enumerable.Range(1, count).Select(number => store._ground.Place($"m{number}")).ToList();
        var cluster = string.Join(',', places.Select(place => $"{place.Name}={Text(place.Peer)}"));
        store._members = [.. places.Select(place => store.NewMember(place, cluster, "new"))];
        store._named = count;
        return store;
    }

    private StoreMember NewMember(MemberPlace place, string cluster, string clusterState) => new(
        place,
        [
            Program.Path,
            "--name", place.Name,
            "--data-dir", Path.Combine(place.Folder, StoreMember.DataName),
            "--listen-client-urls", Text(place.ListenClient),
            "--advertise-client-urls", Text(place.Client),
            "--listen-peer-urls", Text(place.ListenPeer),
            "--initial-advertise-peer-urls", Text(place.Peer),
            "--initial-cluster", cluster,
            "--initial-cluster-state", clusterState,
            "--initial-cluster-token", ClusterToken,
            .. Program.Arguments,
        ],
        _logFolder);

    /// <returns>All members that the cluster has then.</returns>
    private async Task<IEnumerable<Member>> JoinAsync(Uri peer, bool isLearner, CancellationToken patience)
    {
        while (true)
        {
            // Refused while somebody is not connected. Not answered while there is no leader, which may mean that it was done.
            var request = new MemberAddRequest { PeerURLs = { Text(peer) }, IsLearner = isLearner };
            if (await TryAsync<MemberAddResponse>("member-add", request) is { } joined)
            {
                return joined.Members;
            }

            var list = await TryAsync<MemberListResponse>("member-list", new MemberListRequest());
            if (list is not null && list.Members.Any(known => known.PeerURLs.Contains(Text(peer))))
            {
                return list.Members;
            }

            await Task.Delay(Pause, patience);
        }
    }

    /// <summary>Asks one member after the other until one answers.</summary>
    private async Task<TResponse?> TryAsync<TResponse>(string verb, IMessage request, StoreMember? except = null)
        where TResponse : class, IMessage
    {
        foreach (var member in _members.Where(member => member.IsRunning && member != except))
        {
            await using var client = new StoreClient(member.Client) { Patience = CallPatience };
            try
            {
                if ((await client.CallAsync(verb, request)).Message is TResponse response)
                {
                    return response;
                }
            }
            catch (StoreException)
            {
                // The next one may.
            }
        }

        return null;
    }

    private static string Text(Uri address) => address.GetLeftPart(UriPartial.Authority);

    /// <summary>Waits until a member that was started knows who leads.</summary>
    /// <exception cref="StoreException">It ends, or it takes too long; the text has what it printed.</exception>
    public async Task WaitUntilReadyAsync(StoreMember member, CancellationToken cancellation = default)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [member.Client], Eviction = new(Pause, Pause) });
        try
        {
            while (!await IsReadyAsync(channel, patience.Token))
            {
                if (!member.IsRunning)
                {
                    // Its last lines may still be on their way.
                    await Task.Delay(Pause, patience.Token);
                    throw new StoreException($"{Program.Name} ended instead of serving:\n{member.Log}");
                }

                await Task.Delay(Pause, patience.Token);
            }
        }
        catch (OperationCanceledException late) when (!cancellation.IsCancellationRequested)
        {
            throw new StoreException($"{Program.Name} was not ready within {Patience}:\n{member.Log}", late);
        }
    }

    private static async Task<bool> IsReadyAsync(RpcChannel channel, CancellationToken cancellation)
    {
        try
        {
            var options = new RpcCallOptions { CancellationToken = cancellation };
            var status = await channel.UnaryAsync(StoreMethods.Status, new StatusRequest(), options);
            if (status.Leader == 0 || status.IsLearner)
            {
                return status.Leader != 0;
            }

            // It is listed as started once the cluster has heard its name.
            var list = await channel.UnaryAsync(StoreMethods.MemberList, new MemberListRequest(), options);
            return list.Members.Any(one => one.ID == status.Header.MemberId && one.Name.Length > 0);
        }
        catch (RpcException refusal)
        {
            // A program that has no store yet is as ready as it will be.
            return refusal.Code == RpcStatusCode.Unimplemented;
        }
    }
}
