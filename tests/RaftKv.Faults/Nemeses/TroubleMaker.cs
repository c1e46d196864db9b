using RaftKv.Faults.Histories;
using RaftKv.Faults.Running;

namespace RaftKv.Faults.Nemeses;

/// <summary>Does what a nemesis says, for as long as it is let.</summary>
internal sealed class TroubleMaker(Nemesis nemesis, Recorder recorder, Func<int, FaultTools> toolsOf)
{
    private static readonly TimeSpan LeastRest = TimeSpan.FromSeconds(0.5);

    public Task RunAsync(CancellationToken stop) => Task.WhenAll(nemesis.Lanes.Select((lane, i) => RunLaneAsync(lane, toolsOf(i), stop)));

    private async Task RunLaneAsync(Fault[] faults, FaultTools tools, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var fault = tools.Pick(faults);
            var begin = recorder.Now;
            if (await fault.Begin(tools, stop) is { } begun)
            {
                // To its end, though the time of faults may be over before: one that is cut short hits nobody.
                await Task.Delay(begun.Hold, CancellationToken.None);
                var hits = await begun.End(stop);
                recorder.Add(new FaultLine
                {
                    Kind = fault.Kind,
                    Begin = begin,
                    End = recorder.Now,
                    Targets = [.. begun.Targets.Select(member => member.Name)],
                    Hits = hits,
                    Detail = begun.Detail,
                });
            }

            await Task.Delay(LeastRest + tools.Seconds(0, 3), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
