using RaftKv.Client;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Faults.Nemeses;
using RaftKv.Faults.Networks;
using RaftKv.Faults.Workloads;
using RaftKv.Stores;

namespace RaftKv.Faults.Running;

/// <summary>One run: a cluster, clients, faults, and in the end a history.</summary>
internal sealed class FaultRun(RunSettings settings, TextWriter told)
{
    private static readonly TimeSpan HealPatience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan FinishPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);

    // On a machine that has much else to do less happens in a second, and a run is none without answers.
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    private readonly Workload _workload = settings.NewWorkload();

    // A short run is short before and after, too.
    private readonly TimeSpan _quiet = TimeSpan.FromSeconds(Math.Clamp(settings.Seconds / 2, 1, 3));
    private readonly TimeSpan _recovery = TimeSpan.FromSeconds(Math.Clamp(settings.Seconds, 2, 5));

    /// <exception cref="StoreException">The cluster does not come up.</exception>
    public async Task<History> RunAsync(StoreProgram program, INetwork network, string dataFolder)
    {
        Directory.CreateDirectory(settings.Folder);
        using var writer = HistoryWriter.Create(Path.Combine(settings.Folder, History.FileName));
        var recorder = new Recorder(writer);
        writer.Add(Line(network));
        await using var disks = settings.Nemesis.DiskMegabytes > 0 ? new SmallDisks(network, settings.Nemesis.DiskMegabytes) : null;
        var logs = Path.Combine(settings.Folder, "logs");
        Directory.CreateDirectory(dataFolder);
        IStoreGround ground = disks is null ? network : disks;
        await using var ways = settings.Nemesis.NeedsClientWays ? new ClientWays(ground) : null;
        var store = await StoreProcess.StartAsync(program, settings.Members, logs, ways ?? ground);
        await using (var cluster = new FaultCluster(store, network, recorder) { ClientWays = ways })
        {
            if (network is ProxyNetwork proxies)
            {
                proxies.Processes = () => cluster.Members.Where(member => member.ProcessId is not null).Select(member => (member.Name, member.ProcessId!.Value));
            }

            cluster.BeginWatching();
            await PlayAsync(cluster, recorder);
        }

        foreach (var line in MemberLogs.Scan(logs, program.Name))
        {
            writer.Add(line);
        }

        return writer.ToHistory();
    }

    private RunLine Line(INetwork network) => new()
    {
        Format = RunLine.CurrentFormat,
        Workload = settings.Workload,
        Nemesis = settings.Nemesis.Name,
        Target = settings.Target,
        Members = settings.Members,
        Seconds = settings.Seconds,
        Rate = settings.Rate,
        Seed = settings.Seed,
        Network = network.Name,
        Drift = settings.Nemesis.Drift > 1 ? settings.Nemesis.Drift : null,
        Command = settings.Command,
        StartedAt = DateTimeOffset.UtcNow.ToString("u"),
    };

    private async Task PlayAsync(FaultCluster cluster, Recorder recorder)
    {
        using var objects = new ServerObjects(cluster, recorder);
        await objects.TakeBeforeAsync();
        var sessions = Enumerable.Range(0, settings.Clients).Select(process => new ClientSession(process, cluster, recorder, Chance(process))).ToList();
        await using var admin = RaftKvClient.Connect(new RaftKvClientOptions
        {
            Endpoints = cluster.Endpoints,
            FollowsMembers = true,
            Timeout = ClientSession.Timeout,
            UserName = _workload.Operator?.Name,
            Password = _workload.Operator?.Password,
        });
        await PrepareAsync(sessions[0]);
        using var stop = new CancellationTokenSource();
        var clients = sessions.Select(session => RunClientAsync(session, stop.Token)).ToList();

        await PhaseAsync(recorder, PhaseLine.Quiet, () => AnsweredAsync(recorder, _quiet));
        await PhaseAsync(recorder, PhaseLine.Faults, async () =>
        {
            using var over = new CancellationTokenSource();
            var time = EndAsync(over);
            var nemesis = settings.Nemesis with { Lanes = [.. settings.Nemesis.Lanes, .. _workload.OwnFaults] };
            if (nemesis.Lanes.Length == 0)
            {
                await time;
                return;
            }

            await new TroubleMaker(nemesis, recorder, lane => new FaultTools(cluster, Chance(1000 + lane), admin) { Recorder = recorder }).RunAsync(over.Token);
            await time;

            async Task EndAsync(CancellationTokenSource source)
            {
                await AnsweredAsync(recorder, TimeSpan.FromSeconds(settings.Seconds));
                await source.CancelAsync();
            }
        });
        await PhaseAsync(recorder, PhaseLine.Recovery, async () =>
        {
            await HealAsync(cluster, recorder);
            await AnsweredAsync(recorder, _recovery);
        });
        await stop.CancelAsync();
        await Task.WhenAll(clients);
        await PhaseAsync(recorder, PhaseLine.Final, () => FinishAsync(cluster, recorder, sessions));
        foreach (var session in sessions)
        {
            await session.DisposeAsync();
        }

        await admin.DisposeAsync();
        await objects.TakeAfterAsync();
    }

    private static async Task HealAsync(FaultCluster cluster, Recorder recorder)
    {
        using var patience = new CancellationTokenSource(HealPatience);
        try
        {
            await cluster.HealAsync(patience.Token);
        }
        catch (Exception broken) when (broken is StoreException or OperationCanceledException)
        {
            // Nothing is wrong with the ground any more, so this is the store's failure.
            recorder.Complain("cluster", $"It was not whole again within {HealPatience} after the last fault: {broken.Message}");
        }
    }

    private async Task PrepareAsync(ClientSession session)
    {
        var started = DateTime.UtcNow;
        while (true)
        {
            try
            {
                await _workload.PrepareAsync(session);
                return;
            }
            catch (RaftKvException) when (DateTime.UtcNow - started < StartPatience)
            {
                await Task.Delay(100);
            }
        }
    }

    private async Task RunClientAsync(ClientSession session, CancellationToken stop)
    {
        // A client that was slow does not catch up: the rate is the most.
        var between = TimeSpan.FromSeconds((double)settings.Clients / settings.Rate);
        while (!stop.IsCancellationRequested)
        {
            var rest = Task.Delay(between * (0.5 + session.Chance.NextDouble()), stop);
            await _workload.StepAsync(session, stop);
            await rest.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task FinishAsync(FaultCluster cluster, Recorder recorder, List<ClientSession> sessions)
    {
        try
        {
            await Task.WhenAll(sessions.Select(session => _workload.FinishAsync(session))).WaitAsync(FinishPatience);
        }
        catch (TimeoutException)
        {
            told.WriteLine("  the last operations were not answered in time");
        }

        await new FinalHashes(cluster, recorder).TakeAsync();
    }

    /// <summary>Waits for a time, and for as much to be answered as makes that time tell something.</summary>
    private static async Task AnsweredAsync(Recorder recorder, TimeSpan time)
    {
        var begin = recorder.Now;
        await Task.Delay(time);
        await Eventually.IsSoAsync(() => recorder.AnsweredSince(begin) >= Meaningful.LeastAnswers, AnswerPatience, Look);
    }

    private async Task PhaseAsync(Recorder recorder, string name, Func<Task> run)
    {
        var begin = recorder.Now;
        told.WriteLine($"  {begin / 1e6:F1} s: {name}");
        await run();
        recorder.Add(new PhaseLine { Name = name, Begin = begin, End = recorder.Now });
    }

    private Random Chance(int of) => new(HashCode.Combine(settings.Seed, of));
}
