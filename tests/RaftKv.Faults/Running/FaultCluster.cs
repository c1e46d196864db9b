using RaftKv.Faults.Histories;
using RaftKv.Faults.Networks;
using RaftKv.Protocol.Etcd;
using RaftKv.Stores;

namespace RaftKv.Faults.Running;

/// <summary>
/// The cluster that faults are done to. It knows which members should run, records each end of a process, and starts those
/// again that ended though nobody wanted it.
/// </summary>
internal sealed class FaultCluster(StoreProcess store, INetwork network, Recorder recorder) : IAsyncDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan StatusPatience = TimeSpan.FromMilliseconds(500);

    // Who may end because of what was done to it.
    private readonly HashSet<string> _mayEnd = new(StringComparer.Ordinal);

    // Who is not to be started again, because it cannot or must not run.
    private readonly HashSet<string> _out = new(StringComparer.Ordinal);
    private readonly HashSet<string> _paused = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _gate = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _wanted = store.Members.Count;
    private Task _watching = Task.CompletedTask;

    public INetwork Network { get; } = network;

    /// <summary>The clients' ways to members, where something can be done to them.</summary>
    public ClientWays? ClientWays { get; init; }

    public IReadOnlyList<StoreMember> Members => store.Members;

    public IReadOnlyList<StoreMember> Running => [.. store.Members.Where(member => member.IsRunning)];

    public IReadOnlyList<Uri> Endpoints => [.. store.Members.Select(member => member.Client)];

    public StoreProgram Program => store.Program;

    public int Majority => (store.Members.Count / 2) + 1;

    public void BeginWatching() => _watching = WatchAsync();

    /// <summary>The member that takes itself for the leader in the newest term; null if there is none now.</summary>
    public async Task<StoreMember?> FindLeaderAsync()
    {
        var asked = await Task.WhenAll(Running.Where(member => !_paused.Contains(member.Name)).Select(async member => (Member: member, Status: await StatusAsync(member))));
        return asked.Where(one => one.Status is { Leader: not 0 } status && status.Leader == status.Header.MemberId)
            .OrderByDescending(one => one.Status!.RaftTerm)
            .Select(one => one.Member)
            .FirstOrDefault();
    }

    public static async Task<StatusResponse?> StatusAsync(StoreMember member)
    {
        await using var client = new StoreClient(member.Client) { Patience = StatusPatience };
        try
        {
            return (await client.CallAsync("status", new StatusRequest())).Message as StatusResponse;
        }
        catch (StoreException)
        {
            return null;
        }
    }

    /// <summary>kill -9.</summary>
    /// <returns>How many were running.</returns>
    public Task<long> KillAsync(IReadOnlyCollection<StoreMember> members) => EndAsync(members, _ => Task.FromResult(1L));

    /// <summary>Cuts the power of members, all at the same time.</summary>
    /// <param name="orders">What each is told.</param>
    /// <returns>How much was lost.</returns>
    public Task<long> CutPowerAsync(IReadOnlyDictionary<StoreMember, string> orders)
        => EndAsync([.. orders.Keys], async member => await MemberControl.AskAsync(member, orders[member]) ?? 0);

    private async Task<long> EndAsync(IReadOnlyCollection<StoreMember> members, Func<StoreMember, Task<long>> end)
    {
        await _gate.WaitAsync();
        try
        {
            var running = members.Where(member => member.IsRunning).ToList();
            foreach (var member in members)
            {
                _out.Add(member.Name);
                _paused.Remove(member.Name);
            }

            var ended = await Task.WhenAll(running.Select(async member =>
            {
                var said = await end(member);
                await member.KillAsync();
                return said;
            }));
            foreach (var member in running)
            {
                recorder.Add(new ExitLine { Member = member.Name, At = recorder.Now, Expected = true });
            }

            return ended.Sum();
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Starts members that do not run, and does not wait until they are ready.</summary>
    public async Task StartAsync(IReadOnlyCollection<StoreMember> members)
    {
        await _gate.WaitAsync();
        try
        {
            foreach (var member in members)
            {
                _out.Remove(member.Name);
                if (!member.IsRunning && store.Members.Contains(member))
                {
                    member.Start();
                }
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    public async Task<long> PauseAsync(IReadOnlyCollection<StoreMember> members)
    {
        var hits = 0;
        foreach (var member in members.Where(member => member.IsRunning))
        {
            _paused.Add(member.Name);
            await member.PauseAsync();
            hits++;
        }

        return hits;
    }

    public async Task ResumeAsync(IReadOnlyCollection<StoreMember> members)
    {
        foreach (var member in members.Where(member => _paused.Remove(member.Name) && member.IsRunning))
        {
            await member.ResumeAsync();
        }
    }

    /// <summary>Waits until a member has ended by itself, and writes that down.</summary>
    /// <returns>False if it does not.</returns>
    public async Task<bool> EndsAsync(StoreMember member)
    {
        for (var since = DateTime.UtcNow; member.IsRunning; await Task.Delay(Look))
        {
            if (DateTime.UtcNow - since > EndPatience)
            {
                return false;
            }
        }

        // Before somebody starts it again.
        await _gate.WaitAsync();
        try
        {
            LookAt(member);
            return true;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>From now on it is right if one of these ends by itself, or refuses to start.</summary>
    public void Permit(IEnumerable<StoreMember> members) => _mayEnd.UnionWith(members.Select(member => member.Name));

    public void Forbid(IEnumerable<StoreMember> members) => _mayEnd.ExceptWith(members.Select(member => member.Name));

    public Task<StoreMember> AddAsync(CancellationToken cancellation, bool isLearner = false)
        => store.AddAsync(isLearner, cancellation);

    /// <summary>The member has lost its disk, and is started as it was the first time. The others must not take it for itself.</summary>
    public async Task WipeAsync(StoreMember member)
    {
        Permit([member]);
        await KillAsync([member]);
        Directory.Delete(member.DataFolder, recursive: true);
        await StartAsync([member]);
    }

    public async Task RemoveAsync(StoreMember member, CancellationToken cancellation)
    {
        // It may notice, and end.
        Permit([member]);
        _out.Add(member.Name);
        await store.RemoveAsync(member, cancellation);
        recorder.Add(new ExitLine { Member = member.Name, At = recorder.Now, Expected = true });
    }

    /// <summary>Takes a member that does not run for lost: nobody starts it again, nor asks the cluster to remove it.</summary>
    public void Forget(StoreMember member) => store.Forget(member);

    /// <summary>Mends the network, starts everybody, replaces those that cannot start, and makes the cluster as large as it was.</summary>
    public async Task HealAsync(CancellationToken cancellation)
    {
        await Network.HealAsync();
        ClientWays?.Mend();
        await ResumeAsync([.. store.Members]);
        foreach (var member in store.Members.Where(member => !member.IsRunning).ToList())
        {
            await StartAsync([member]);
        }

        foreach (var member in store.Members.ToList())
        {
            try
            {
                await store.WaitUntilReadyAsync(member, cancellation);
            }
            catch (StoreException) when (_mayEnd.Contains(member.Name))
            {
                await RemoveAsync(member, cancellation);
            }
        }

        while (store.Members.Count < _wanted)
        {
            await store.AddAsync(cancellation: cancellation);
        }

        while (store.Members.Count > _wanted)
        {
            await RemoveAsync(store.Members[^1], cancellation);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        await ResumeAsync([.. store.Members]);
        await store.DisposeAsync();
        _stop.Dispose();
        _gate.Dispose();
    }

    private async Task WatchAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            await Task.Delay(Look, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _gate.WaitAsync(CancellationToken.None);
            try
            {
                foreach (var member in store.Members)
                {
                    LookAt(member);
                }
            }
            finally
            {
                _gate.Release();
            }
        }
    }

    private void LookAt(StoreMember member)
    {
        if (member.OwnExitCode is not { } code)
        {
            return;
        }

        var isExpected = _mayEnd.Contains(member.Name);
        recorder.Add(new ExitLine
        {
            Member = member.Name,
            At = recorder.Now,
            Code = code,
            Expected = isExpected,
            LastWords = string.Join(" | ", member.Log.Split('\n').TakeLast(5)),
        });
        member.Forget();
        if (isExpected || _out.Contains(member.Name))
        {
            // Whoever permitted it starts it again.
            _out.Add(member.Name);
        }
        else
        {
            member.Start();
        }
    }
}
