using System.Diagnostics;
using System.Net;
using RaftKv.Raft;
using RaftKv.Server.Replica;
using RaftKv.Server.Tests.Peers;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Server.Tests.Hosting;

/// <summary>Some members in this process, with disks and sockets as in life.</summary>
internal sealed class SmallCluster : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-test-").FullName;
    private readonly List<RaftKvOptions> _options;
    private readonly List<RaftKvNode?> _nodes;

    public SmallCluster(int members, Func<RaftKvOptions, RaftKvOptions>? change = null)
    {
        var ports = FreePorts.Find(members);
        var cluster = ports.Select((port, i) => ($"m{i}", new Uri($"http://127.0.0.1:{port}"))).ToArray();
        _nodes = [.. new RaftKvNode?[members]];
        _options = [.. ports.Select((port, i) => (change ?? (one => one))(new RaftKvOptions
        {
            Name = $"m{i}",
            DataDirectory = Path.Join(_folder, $"m{i}"),
            ListenClient = [],
            ListenPeer = [new IPEndPoint(IPAddress.Loopback, port)],
            AdvertisePeerUrls = [cluster[i].Item2],
            InitialCluster = cluster,
            HeartbeatInterval = TimeSpan.FromMilliseconds(30),
            ElectionTimeout = TimeSpan.FromMilliseconds(300),
        }))];
    }

    public RaftKvNode this[int index] => _nodes[index]!;

    public string PeerUrl(int index) => _options[index].AdvertisePeerUrls[0].GetLeftPart(UriPartial.Authority);

    public IEnumerable<RaftKvNode> Running => _nodes.OfType<RaftKvNode>();

    public static async Task<SmallCluster> StartAsync(int members, Func<RaftKvOptions, RaftKvOptions>? change = null)
    {
        var cluster = new SmallCluster(members, change);
        await Task.WhenAll(Enumerable.Range(0, members).Select(cluster.StartAsync));

        // A member has started when all know its name; some changes are refused before.
        // One that has applied nothing yet knows of no members at all.
        await TestMember.Until(() => cluster._nodes.All(
            node => node!.Member.Members.Count == members && node.Member.Members.All(member => member.HasStarted)
                && !node.Member.Status.Leader.IsNone));
        return cluster;
    }

    public async Task StartAsync(int index) => _nodes[index] = await RaftKvNode.StartAsync(_options[index]);

    /// <summary>Adds a member and starts it; returns its index.</summary>
    public async Task<int> JoinAsync()
    {
        var port = FreePorts.Find(1)[0];
        var url = new Uri($"{_options[0].ListenPeer[0].Scheme}://127.0.0.1:{port}");
        var index = _nodes.Count;
        var newcomer = new Member(new NodeId(1000 + (ulong)index), "", [url.GetLeftPart(UriPartial.Authority)], [], IsLearner: false);
        var members = await ChangeAsync(MemberChange.Add(newcomer));
        _options.Add(_options[0] with
        {
            Name = $"m{index}",
            DataDirectory = Path.Join(_folder, $"m{index}"),
            ListenPeer = [new ListenAddress(new IPEndPoint(IPAddress.Loopback, port), _options[0].ListenPeer[0].IsTls)],
            AdvertisePeerUrls = [url],
            InitialCluster = [.. members.Select(member => (member.Id == newcomer.Id ? $"m{index}" : member.Name, new Uri(member.PeerUrls[0])))],
            JoinsExistingCluster = true,
        });
        _nodes.Add(null);
        await StartAsync(index);
        return index;
    }

    /// <summary>The index of a member that leads, or of one that follows; on a busy machine there may be a while without.</summary>
    public async Task<int> FindAsync(bool isLeader)
    {
        var found = -1;
        await TestMember.Until(() => (found = _nodes.FindIndex(
            node => node?.Member is { Status.Leader.IsNone: false } member && (member.Status.Leader == member.Self) == isLeader)) >= 0);
        return found;
    }

    public RaftKvOptions OptionsOf(int index) => _options[index];

    public string DataPath(int index) => _options[index].DataDirectory;

    public async Task StopAsync(int index)
    {
        await _nodes[index]!.DisposeAsync();
        _nodes[index] = null;
    }

    /// <summary>Stops a member, if it runs, and deletes all that it had.</summary>
    public async Task EmptyAsync(int index)
    {
        if (_nodes[index] is not null)
        {
            await StopAsync(index);
        }

        Directory.Delete(DataPath(index), recursive: true);
    }

    /// <summary>Takes a member out of the cluster, as the first one is told to.</summary>
    public async Task RemoveAsync(NodeId id) => await ChangeAsync(MemberChange.Remove(id));

    // Refused until all have said that they have started, and have been connected for a while.
    private async Task<IReadOnlyList<Member>> ChangeAsync(MemberChange change)
    {
        var tries = 0;
        return await SurelyAsync(async () =>
        {
            tries++;
            var (error, members) = await this[0].Member.ChangeMembersAsync(change, TestContext.Current.CancellationToken);
            if (tries > 1 && error is StateError.MemberExists or StateError.PeerUrlExists or StateError.MemberNotFound)
            {
                // A try that was given up was done after all, and this member has applied it.
                return this[0].Member.Members;
            }

            Assert.Equal(StateError.None, error);
            return members;
        });
    }

    /// <summary>Again and again while a cluster is about to agree upon a leader, or a busy machine is late. What is asked for
    /// may be done more than once.</summary>
    public static async Task<T> SurelyAsync<T>(Func<Task<T>> request)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return await request();
            }
            catch (RequestRefusedException refused) when (
                refused.Reason is not (RequestRefusal.Stopped or RequestRefusal.OutOfService or RequestRefusal.TooLarge)
                && Stopwatch.GetElapsedTime(started) < Patience)
            {
                await Task.Delay(Pause, TestContext.Current.CancellationToken);
            }
        }
    }

    public static Task<Answer> PutAsync(RaftKvNode node, string key, string value)
        => SurelyAsync(() => PutOnceAsync(node, key, value));

    /// <exception cref="RequestRefusedException">It may take effect yet.</exception>
    public static async Task<Answer> PutOnceAsync(RaftKvNode node, string key, string value)
    {
        var request = new Protocol.Etcd.PutRequest
        {
            Key = Google.Protobuf.ByteString.CopyFromUtf8(key),
            Value = Google.Protobuf.ByteString.CopyFromUtf8(value),
        };
        var id = node.Member.NextRequestId();
        var payload = CommandEnvelope.Encode(id, Caller.Nobody, CommandKind.Put, Google.Protobuf.MessageExtensions.ToByteArray(request));
        return await node.Member.ProposeAsync(payload, id, TestContext.Current.CancellationToken);
    }

    /// <summary>Reads a key as of everything that was acknowledged before; null if it is not there.</summary>
    public static Task<string?> GetAsync(RaftKvNode node, string key) => SurelyAsync(() => GetOnceAsync(node, key));

    public static async Task<string?> GetOnceAsync(RaftKvNode node, string key)
    {
        await node.Member.WaitUntilCurrentAsync(TestContext.Current.CancellationToken);
        using var view = node.Member.OpenView();
        var body = new WireWriter();
        RangeRead.Run(new RangeQuery { Key = System.Text.Encoding.UTF8.GetBytes(key) }, view, body);
        var response = Protocol.Etcd.RangeResponse.Parser.ParseFrom(body.Written);
        return response.Kvs is [var only] ? only.Value.ToStringUtf8() : null;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Running)
        {
            await node.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }
}
