using RaftKv.Raft;
using RaftKv.Raft.Membership;
using RaftKv.Simulation.Disks;
using RaftKv.Simulation.Members;
using RaftKv.Simulation.Whole;

namespace RaftKv.Simulation;

/// <summary>Carries out the troubles of a plan, and ends those that end.</summary>
internal sealed class TroubleMaker(Cluster cluster) : IActor
{
    private const int Begin = 0;
    private const int End = 1;

    // The lines that a trouble has cut, to be mended when it ends; the disks that it has filled up.
    private readonly Dictionary<int, List<(NodeId From, NodeId To)>> _cuts = [];
    private readonly Dictionary<int, SimulatedNode> _full = [];

    // What ends when a trouble does, that is of no other kind.
    private readonly Dictionary<int, Action> _ends = [];

    private bool _isOver;

    private long Now => cluster.Simulator.Now;

    public void Start()
    {
        for (var i = 0; i < cluster.Plan.Troubles.Count; i++)
        {
            cluster.Simulator.Schedule(cluster.Plan.Troubles[i].At, this, Begin, (ulong)i);
        }
    }

    public void Happen(int what, ulong argument)
    {
        if (_isOver)
        {
            return;
        }

        var number = (int)argument;
        if (what == End)
        {
            EndTrouble(number);
            return;
        }

        var trouble = cluster.Plan.Troubles[number];
        var chance = new Chance(trouble.Lot);
        cluster.Transcript?.Said(Now, $"#{number} {trouble.Kind}");
        Make(number, trouble, chance);
        cluster.Simulator.Schedule(Now + Math.Max(1, trouble.Lasts), this, End, (ulong)number);
    }

    /// <summary>Everything that can be made good is.</summary>
    public void HealEverything()
    {
        _isOver = true;
        cluster.Network.HealAll();
        cluster.Network.Faults = new NetworkFaults();
        foreach (var node in cluster.Nodes)
        {
            if (node is null || node.IsLost)
            {
                continue;
            }

            node.Disarm();
            node.Resume();
            node.Disk.QuotaBytes = long.MaxValue;
            node.Disk.Faults = DiskFaults.None;
            node.Disk.FailNextSync(0);
            node.Disk.FailNextWrite(0);
            node.Disk.Latency = node.Disk.Latency with { Stall = Ratio.Never };
            node.Boot();
        }
    }

    /// <summary>Switches off as many members as the others can do without.</summary>
    public void SpareMinority()
    {
        var config = cluster.Checks.Ledger.Config;
        var chance = new Chance(cluster.Plan.Seed).Stream("spared");
        foreach (var voter in config.Voters.ToArray().OrderBy(_ => chance.Next()))
        {
            if (cluster.Find(voter) is { IsLost: false } node && HasQuorum(config, voter))
            {
                node.SwitchOff();
            }
        }
    }

    private void Make(int number, PlannedTrouble trouble, Chance chance)
    {
        var some = SomeNode(chance);
        var crash = cluster.Plan.LosesPower && chance.Happens(2, 3) ? CrashKind.Power : CrashKind.Process;
        switch (trouble.Kind)
        {
            case Trouble.Crash:
                Crash(some, crash, trouble.Lasts);
                break;
            case Trouble.CrashLeader:
                Crash(cluster.Leader ?? some, crash, trouble.Lasts);
                break;
            case Trouble.CrashAll:
                EachNode(node => Crash(node, crash, trouble.Lasts));
                break;
            case Trouble.CrashAtFailpoint:
                var failpoint = (Failpoint)chance.Below((int)Failpoint.BeforeSnapshotInstalled + 1);
                var victim = chance.CoinToss() ? some : cluster.Leader ?? some;
                victim.RestartNanos = trouble.Lasts;
                victim.LieInWait(new Ambush(crash, failpoint, chance.Below(5), DiskOperations: null));
                break;
            case Trouble.CrashInDiskOperation:
                some.RestartNanos = trouble.Lasts;
                some.LieInWait(new Ambush(crash, Failpoint: null, Skips: 0, chance.Between(1, 30)));
                break;
            case Trouble.Split:
                var side = chance.Next();
                CutWhere(number, (from, to) => ((side >> (int)from.Value) & 1) != ((side >> (int)to.Value) & 1));
                break;
            case Trouble.IsolateLeader:
                Isolate(number, cluster.Leader ?? some);
                break;
            case Trouble.IsolateSome:
                Isolate(number, some);
                break;
            case Trouble.CutOneWay:
                var lines = chance.Next() & chance.Next();
                CutWhere(number, (from, to) => ((lines >> (int)(((from.Value * 7) + to.Value) % 64)) & 1) != 0);
                break;
            case Trouble.Ring:
                var count = cluster.Nodes.Count - 1;
                CutWhere(number, (from, to) => !AreNeighbours((int)from.Value, (int)to.Value, count));
                break;
            case Trouble.Clog:
                var to = SomeNode(chance);
                cluster.Network.Clog(some.Self, to.Self, Now + trouble.Lasts);
                cluster.Network.Clog(to.Self, some.Self, chance.CoinToss() ? Now + trouble.Lasts : 0);
                break;
            case Trouble.DiskStall:
                some.Disk.Latency = cluster.Plan.DiskLatency with
                {
                    Stall = new Ratio(1, 3),
                    StallNanosMin = trouble.Lasts / 4,
                    StallNanosMax = trouble.Lasts,
                };
                break;
            case Trouble.DiskFailsSync:
                some.RestartNanos = trouble.Lasts;
                some.Disk.FailNextSync();
                break;
            case Trouble.DiskFailsWrite:
                some.RestartNanos = trouble.Lasts;
                some.Disk.FailNextWrite();
                break;
            case Trouble.DiskFull:
                some.Disk.QuotaBytes = some.Disk.UsedBytes;
                _full[number] = some;
                break;
            case Trouble.Wipe:
                if (MayLose(some))
                {
                    some.Wipe();
                }

                break;
            case Trouble.Pause:
                some.Pause(Now + trouble.Lasts);
                break;
            case Trouble.PauseLeader:
                (cluster.Leader ?? some).Pause(Now + trouble.Lasts);
                break;
            case Trouble.Transfer:
                (chance.CoinToss() ? some : cluster.Leader ?? some).Do(
                    "transfer", member => member.TransferLeadership(SomeNode(chance).Self));
                break;
            case Trouble.WallClock:
                // From milliseconds to minutes, forth and back.
                EachNode(node => node.WallOffsetNanos = chance.Between(-1, 1) * Simulator.Millisecond * chance.Pick<long>([11, 500, 5000, 288_000]));
                break;
            case Trouble.RotLog or Trouble.RotState or Trouble.CutLog or Trouble.CutState:
                if (MayLose(some))
                {
                    var isLog = trouble.Kind is Trouble.RotLog or Trouble.CutLog;
                    some.Damage(isLog ? WholeMember.LogPath : WholeMember.RecordsPath(some.Disk), trouble.Kind is Trouble.CutLog or Trouble.CutState, chance);
                    Crash(some, CrashKind.Process, trouble.Lasts);
                }

                break;
            case Trouble.RotAny or Trouble.CutAny or Trouble.DeleteAny:
                if (MayLose(some) && SomeFile(some, chance, isNewestOfLogToo: true) is { } path)
                {
                    some.Damage(disk => Harm(disk, path, trouble.Kind, chance));
                    cluster.Transcript?.Said(Now, $"{path} of {some.Self}");
                    Crash(some, CrashKind.Process, trouble.Lasts);
                }

                break;
            case Trouble.AgeAny:
                if (SomeFile(some, chance, isNewestOfLogToo: false) is { } aging)
                {
                    var old = some.Disk.Remember(aging);
                    _ends[number] = () => Age(some, aging, old);
                }

                break;
            case Trouble.Astray:
                if (MayLose(some))
                {
                    var where = chance.CoinToss() ? WholeMember.RecordsPath(some.Disk) : "/";
                    some.Damage(disk => disk.MisdirectNextWrite(where));
                    cluster.Transcript?.Said(Now, $"a write under {where} of {some.Self}");
                    _ends[number] = () => Crash(some, CrashKind.Process, trouble.Lasts);
                }

                break;
            case Trouble.Forget:
                if (MayLose(some) && IsKnownToHaveRun(some))
                {
                    some.Forget();
                }

                break;
            case Trouble.Harm:
                // Of fewer than half, or nobody could tell who is right.
                if (!cluster.Nodes.Any(node => node?.Member is WholeMember { IsOfDoubtfulState: true }))
                {
                    some.Do("harm", member => ((WholeMember)member).Harm());
                }

                break;
            case Trouble.Supplant:
                Supplant(number, some);
                break;
            default:
                ChangeMembership(trouble.Kind, some, chance);
                break;
        }
    }

    private void EndTrouble(int number)
    {
        if (_cuts.Remove(number, out var cuts))
        {
            foreach (var (from, to) in cuts)
            {
                cluster.Network.Mend(from, to);
            }
        }

        if (_full.Remove(number, out var node))
        {
            node.Disk.QuotaBytes = long.MaxValue;
        }

        if (_ends.Remove(number, out var end))
        {
            end();
        }

        if (cluster.Plan.Troubles[number].Kind == Trouble.DiskStall)
        {
            EachNode(one => one.Disk.Latency = cluster.Plan.DiskLatency);
        }
    }

    // Whoever has not heard of a member's start cannot know that it has forgotten something.
    private bool IsKnownToHaveRun(SimulatedNode node)
    {
        foreach (var voter in cluster.Checks.Ledger.Config.Members)
        {
            if (voter != node.Self && !(cluster.Find(voter)?.Member is WholeMember member && member.Memory.HasRun(node.Self)))
            {
                return false;
            }
        }

        return true;
    }

    private void Supplant(int number, SimulatedNode old)
    {
        Isolate(number, old);
        if (cluster.Leader is not { Member: { } leader } || leader.Raft.Config.Voters.Length < 2 || cluster.Leader == old)
        {
            return;
        }

        var removal = ConfigChange.Remove(old.Self);
        if (!leader.Raft.Config.IsMember(old.Self) || !LeavesAQuorum(leader.Raft.Config, removal))
        {
            return;
        }

        cluster.Leader.Do("membership", member => member.ChangeMembership(removal));
        _ends[number] = () =>
        {
            if (cluster.Leader is { Member: { } now } successor
                && !now.Raft.Config.IsMember(old.Self)
                && cluster.AddMachine() is { } added)
            {
                var addition = ConfigChange.OneStep(ConfigStepKind.AddVoter, added.Self, default);
                successor.Do("membership", member => member.ChangeMembership(addition));
            }
        };
    }

    // The lock file is empty, and nobody's word.
    private static string? SomeFile(SimulatedNode node, Chance chance, bool isNewestOfLogToo)
    {
        var paths = node.Disk.FilesUnder("/").Where(path => !path.EndsWith("/LOCK", StringComparison.Ordinal)).ToList();
        if (!isNewestOfLogToo)
        {
            // Put back to what it was, it looks like one that ends there: that no single copy can tell.
            paths.Remove(paths.LastOrDefault(path => path.StartsWith(WholeMember.LogPath, StringComparison.Ordinal) && path.EndsWith(".wal", StringComparison.Ordinal)) ?? "");
        }

        return paths.Count == 0 ? null : paths[chance.Below(paths.Count)];
    }

    private static void Harm(SimulatedFileSystem disk, string path, Trouble kind, Chance chance)
    {
        switch (kind)
        {
            case Trouble.RotAny:
                disk.FlipSomeBitOf(path, chance);
                break;
            case Trouble.CutAny:
                disk.CutFile(path, chance.Between(1, 4096));
                break;
            default:
                disk.LoseFile(path);
                break;
        }
    }

    private void Age(SimulatedNode node, string path, FileMemory old)
    {
        // Gone meanwhile, or the newest of the log by now: see there.
        if (!MayLose(node) || !node.Disk.FileExists(path))
        {
            return;
        }

        node.Damage(disk => disk.PutBack(path, old));
        cluster.Transcript?.Said(Now, $"{path} of {node.Self} is what it was");
        Crash(node, CrashKind.Process, 50 * Simulator.Millisecond);
    }

    private static void Crash(SimulatedNode node, CrashKind kind, long downFor)
    {
        node.RestartNanos = downFor;
        node.Crash(kind);
    }

    private void Isolate(int number, SimulatedNode node)
        => CutWhere(number, (from, to) => from == node.Self || to == node.Self);

    private void CutWhere(int number, Func<NodeId, NodeId, bool> isCut)
    {
        var cuts = new List<(NodeId From, NodeId To)>();
        for (var from = 1; from < SimulatedNetwork.MembersMax; from++)
        {
            for (var to = 1; to < SimulatedNetwork.MembersMax; to++)
            {
                var (one, other) = (new NodeId((ulong)from), new NodeId((ulong)to));
                if (from != to && isCut(one, other))
                {
                    cluster.Network.Cut(one, other);
                    cuts.Add((one, other));
                }
            }
        }

        _cuts.Add(number, cuts);
    }

    private static bool AreNeighbours(int one, int other, int count)
        => one <= count && other <= count && (Math.Abs(one - other) == 1 || Math.Abs(one - other) == count - 1);

    private void ChangeMembership(Trouble kind, SimulatedNode some, Chance chance)
    {
        var leader = cluster.Leader;
        if (leader?.Member is null)
        {
            return;
        }

        var config = leader.Member.Raft.Config;
        if (config.IsEmpty)
        {
            return;
        }

        var change = kind switch
        {
            Trouble.AddLearner => cluster.AddMachine() is { } added ? ConfigChange.AddLearner(added.Self) : null,
            Trouble.AddVoter => cluster.AddMachine() is { } added ? ConfigChange.OneStep(ConfigStepKind.AddVoter, added.Self, default) : null,
            Trouble.Promote => config.Learners.Length > 0 ? ConfigChange.AddVoter(chance.Pick(config.Learners)) : null,
            Trouble.Remove => config.Voters.Length > 1 ? ConfigChange.Remove(chance.Pick(config.Members)) : null,
            Trouble.Demote => config.Voters.Length > 2 ? ConfigChange.AddLearner(chance.Pick(config.Voters)) : null,
            _ => Replacement(config, chance),
        };
        if (change is null || !LeavesAQuorum(config, change))
        {
            return;
        }

        cluster.Transcript?.Said(Now, $"asks for {change}");
        (chance.CoinToss() ? leader : some).Do("membership", member => member.ChangeMembership(change));
    }

    // Through a joint configuration, left by itself or by hand.
    private static ConfigChange? Replacement(ClusterConfig config, Chance chance)
    {
        if (config.IsJoint)
        {
            return ConfigChange.LeaveJoint;
        }

        if (config.Learners.Length == 0)
        {
            return null;
        }

        var step = chance.CoinToss() ? ConfigStepKind.Remove : ConfigStepKind.AddLearner;
        return new ConfigChange(
            chance.Pick<ConfigTransition>(
                [ConfigTransition.Auto, ConfigTransition.JointImplicit, ConfigTransition.JointExplicit]),
            [
                new ConfigStep(ConfigStepKind.AddVoter, chance.Pick(config.Learners)),
                new ConfigStep(step, chance.Pick(config.Voters)),
            ]);
    }

    // A cluster of which a majority is gone for good cannot come back; that is not what is being tested.
    private bool MayLose(SimulatedNode victim)
    {
        foreach (var node in cluster.Nodes)
        {
            if (node?.Member is { } member && !HasQuorum(member.Raft.Config, victim.Self))
            {
                return false;
            }
        }

        var config = cluster.Checks.Ledger.Config;
        return !victim.IsLost && !config.IsEmpty && HasQuorum(config, victim.Self);
    }

    private bool LeavesAQuorum(ClusterConfig config, ConfigChange change)
        => !config.TryChange(change, out var next, out _) || HasQuorum(next, NodeId.None);

    public bool HasQuorum(ClusterConfig config, NodeId without)
        => HasMajority(config.Voters, without) && HasMajority(config.Outgoing, without);

    private bool HasMajority(ReadOnlySpan<NodeId> voters, NodeId without)
    {
        var left = 0;
        foreach (var voter in voters)
        {
            left += voter != without && cluster.Find(voter) is { IsLost: false, HasForgotten: false, IsAway: false } ? 1 : 0;
        }

        return voters.Length == 0 || left > voters.Length / 2;
    }

    private SimulatedNode SomeNode(Chance chance) => cluster.Find(cluster.SomeMember(chance))!;

    private void EachNode(Action<SimulatedNode> action)
    {
        foreach (var node in cluster.Nodes)
        {
            if (node is not null)
            {
                action(node);
            }
        }
    }
}
