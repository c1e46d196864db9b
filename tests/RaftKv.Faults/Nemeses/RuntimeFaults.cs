using System.Globalization;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Networks;
using RaftKv.Faults.Running;

namespace RaftKv.Faults.Nemeses;

/// <summary>What makes a .NET process stand still, or run out of what the system gives it.</summary>
internal static class RuntimeFaults
{
    private const int FilesLeft = 3;

    /// <summary>All threads of the pool are busy with something else.</summary>
    public static readonly Fault StarvePool = Ask("all threads of the pool are busy", tools => string.Create(CultureInfo.InvariantCulture, $"starve {tools.Chance.Next(1000, 8000)}"));

    /// <summary>Full collections, one after the other.</summary>
    public static readonly Fault Collect = Ask("full collections", tools => string.Create(CultureInfo.InvariantCulture, $"collect {tools.Chance.Next(5, 40)}"));

    /// <summary>A member may open hardly any file or connection more.</summary>
    public static readonly Fault FewFiles = new(FaultKinds.Files, async (tools, _) =>
    {
        var target = tools.Pick(tools.Cluster.Running);
        if (target.ProcessId is not { } process || OpenFiles(process) is not { } open)
        {
            return null;
        }

        // It may end rather than go on without its files.
        tools.Cluster.Permit([target]);
        await LimitAsync(process, open + FilesLeft);
        return new BegunFault([target], "no more files", tools.Seconds(3, 6), async _ =>
        {
            await tools.Cluster.KillAsync([target]);
            await tools.Cluster.StartAsync([target]);
            tools.Cluster.Forbid([target]);

            // Whether it wanted one more cannot be seen from outside; that it could not have had it is certain.
            return 1;
        });
    });

    private static Fault Ask(string what, Func<FaultTools, string> order) => new(FaultKinds.Runtime, async (tools, _) =>
    {
        var target = tools.Chance.Next(2) == 0 ? await tools.LeaderAsync() : tools.Pick(tools.Cluster.Members);
        var hits = await MemberControl.AskAsync(target, order(tools));
        return hits is null ? null : new BegunFault([target], what, tools.Seconds(1, 8), _ => Task.FromResult(hits.Value));
    });

    private static int? OpenFiles(int process)
    {
        try
        {
            return Directory.GetFiles(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/fd")).Length;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static Task LimitAsync(int process, int files) => Shell.RunAsync(
        "prlimit", "--pid", process.ToString(CultureInfo.InvariantCulture), string.Create(CultureInfo.InvariantCulture, $"--nofile={files}:"));
}
