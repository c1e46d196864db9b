using RaftKv.Faults.Workloads.Accounts;
using RaftKv.Faults.Workloads.Disasters;
using RaftKv.Faults.Workloads.Kube;

namespace RaftKv.Faults.Workloads;

/// <summary>All workloads by name.</summary>
internal static class AllWorkloads
{
    public static IReadOnlyList<Func<Workload>> Makers { get; } =
    [
        () => new RegisterWorkload("register", "single keys are read, written, swapped and deleted", reads: 40, writes: 25, swaps: 15, deletes: 5, localReads: 15),
        () => new RegisterWorkload("cas", "single keys are swapped, mostly", reads: 15, writes: 5, swaps: 75, deletes: 5, localReads: 0),
        () => new SetWorkload(),
        () => new ListAppendWorkload(),
        () => new RegisterTransactionWorkload(),
        () => new BankWorkload(),
        () => new WatchWorkload(),
        () => new LeaseWorkload(),
        () => new LeasedLockWorkload(isFenced: false),
        () => new LeasedLockWorkload(isFenced: true),
        () => new ClientLockWorkload(),
        () => new QueueWorkload(),
        () => new RangeWorkload(),
        () => new KubernetesWorkload(),
        () => new AccountsWorkload(),
        () => new InformersWorkload(),
        () => new RecoveryWorkload(),
        () => new BackupWorkload(),
        () => new SoakWorkload(),
    ];

    public static IReadOnlyList<Workload> All => [.. Makers.Select(make => make())];

    public static Workload? Find(string name) => All.FirstOrDefault(workload => workload.Name == name);
}
