using System.Globalization;
using System.Text.RegularExpressions;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Faults.Nemeses;
using RaftKv.Faults.Networks;
using RaftKv.Faults.Running;
using RaftKv.Protocol.Etcd;
using RaftKv.Stores;

namespace RaftKv.Faults.Workloads.Disasters;

/// <summary>
/// Once: all members but one are lost for good. What an operator does then: makes that one a cluster of its own, starts it, and
/// adds others.
/// </summary>
internal sealed partial class LostMajority
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private bool _isDone;

    public Fault Fault => new(FaultKinds.Recovery, async (tools, _) =>
    {
        if (_isDone || tools.Cluster.Running.Count < tools.Cluster.Members.Count)
        {
            return null;
        }

        _isDone = true;
        await Task.Delay(tools.Seconds(1, 3), CancellationToken.None);
        var survivor = tools.Pick(tools.Cluster.Members);
        var lost = tools.Cluster.Members.Where(member => member != survivor).ToList();
        await RecoverAsync(tools, survivor, lost);
        await ReplaceAsync(tools, lost.Count);
        return new BegunFault(lost, $"lost for good; {survivor.Name} is left", TimeSpan.Zero, _ => Task.FromResult((long)lost.Count));
    });

    private static async Task RecoverAsync(FaultTools tools, StoreMember survivor, List<StoreMember> lost)
    {
        var cluster = tools.Cluster;
        var asked = Recorder.Asked(WatchLag.FirstOfNemeses, Recovered.Call) with { Member = survivor.Name };
        var recovered = await tools.Recorder.RunAsync(asked, isRead: true, async operation =>
        {
            using var patience = new CancellationTokenSource(Patience);
            await cluster.KillAsync(lost);
            var before = await AskAsync(survivor, needsLeader: false, patience.Token);
            await cluster.KillAsync([survivor]);
            foreach (var member in lost)
            {
                cluster.Forget(member);
            }

            var (code, text, error) = await Shell.TryAsync(cluster.Program.Path, "recover", "--from-survivor", "--data-dir", survivor.DataFolder);
            if (code != 0)
            {
                return operation with { Outcome = Outcome.Fail, Error = error };
            }

            await cluster.StartAsync([survivor]);
            var after = await AskAsync(survivor, needsLeader: true, patience.Token);

            // What it had in its log and had not applied counts as well.
            var told = long.Parse(TheRevision().Match(text).Groups[1].Value, CultureInfo.InvariantCulture);
            return operation with
            {
                AtRevision = Math.Max(told, before.Header.Revision),
                Revision = after.Header.Revision,
                Elements = [Id(before.Header.ClusterId), Id(after.Header.ClusterId)],
            };
        });
        if (!recovered.IsOk)
        {
            tools.Recorder.Complain(survivor.Name, $"It could not be made a cluster of its own: {recovered.Error}");
        }
    }

    /// <summary>The places of the lost are taken by others. Clients need not wait for them.</summary>
    private static async Task ReplaceAsync(FaultTools tools, int lost)
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            for (var i = 0; i < lost; i++)
            {
                await tools.Cluster.AddAsync(patience.Token);
            }
        }
        catch (Exception failed) when (failed is StoreException or OperationCanceledException)
        {
            tools.Recorder.Complain("cluster", $"Nobody could join the member that was left: {failed.Message}");
        }
    }

    private static async Task<StatusResponse> AskAsync(StoreMember member, bool needsLeader, CancellationToken patience)
    {
        while (true)
        {
            if (await FaultCluster.StatusAsync(member) is { } status && (status.Leader != 0 || !needsLeader))
            {
                return status;
            }

            await Task.Delay(50, patience);
        }
    }

    private static string Id(ulong id) => id.ToString("x16", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^revision +(\d+);", RegexOptions.Multiline)]
    private static partial Regex TheRevision();
}
