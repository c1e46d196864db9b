using RaftKv.Client;
using RaftKv.Faults.Histories;
using RaftKv.Faults.Running;
using RaftKv.Stores;

namespace RaftKv.Faults.Workloads;

/// <summary>
/// One client, with one operation under way at a time. Half of them know all members, as programs do; the others ask one
/// member only, and so reach one that is cut off and does not know.
/// </summary>
internal sealed class ClientSession(int process, FaultCluster cluster, Recorder recorder, Random chance) : IAsyncDisposable
{
    private const int FailuresBeforeAnother = 8;
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);

    private RaftKvClient? _client;
    private StoreMember? _member;
    private int _failures;

    public int Process { get; } = process;

    public Random Chance { get; } = chance;

    public FaultCluster Cluster { get; } = cluster;

    public Recorder Recorder { get; } = recorder;

    /// <summary>The member that is asked, if it is always the same.</summary>
    public string? Member => _member?.Name;

    public RaftKvClient Client
    {
        get
        {
            Choose();
            return _client!;
        }
    }

    public T Pick<T>(IReadOnlyList<T> choices) => choices[Chance.Next(choices.Count)];

    public Invocation Asked(string call, string? key = null)
    {
        Choose();
        return Recorder.Asked(Process, call, key) with { Member = Member };
    }

    public Task<Invocation> ReadAsync(Invocation asked, Func<Invocation, Task<Invocation>> run) => RunAsync(asked, isRead: true, run);

    public Task<Invocation> WriteAsync(Invocation asked, Func<Invocation, Task<Invocation>> run) => RunAsync(asked, isRead: false, run);

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
        {
            await _client.DisposeAsync();
        }
    }

    private async Task<Invocation> RunAsync(Invocation asked, bool isRead, Func<Invocation, Task<Invocation>> run)
    {
        var done = await Recorder.RunAsync(asked, isRead, run);
        _failures = done.IsOk ? 0 : _failures + 1;
        if (_member is not null && (_failures >= FailuresBeforeAnother || !Cluster.Members.Contains(_member)))
        {
            // It may be gone for good.
            await _client!.DisposeAsync();
            (_client, _failures) = (null, 0);
        }

        return done;
    }

    private void Choose()
    {
        if (_client is not null)
        {
            return;
        }

        _member = Process % 2 == 0 ? null : Pick(Cluster.Members);
        _client = RaftKvClient.Connect(new RaftKvClientOptions
        {
            Endpoints = _member is null ? Cluster.Endpoints : [_member.Client],
            FollowsMembers = _member is null,
            MemberLookInterval = TimeSpan.FromSeconds(5),
            Timeout = Timeout,
            ConnectTimeout = TimeSpan.FromSeconds(1),
            Chance = Chance,
        });
    }
}
