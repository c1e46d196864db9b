using System.Globalization;

namespace RaftKv.Server.Api;

/// <summary>Where a call spent its time, stage by stage. What is left over is <c>answer</c>: reading the request, waiting for a
/// thread, and writing the answer.</summary>
internal sealed class CallStages(params (string Name, TimeSpan Took)[] stages)
{
    /// <summary>The stage that took longest.</summary>
    public string Slowest(TimeSpan total) => All(total).MaxBy(stage => stage.Took).Name;

    /// <summary>"queue 1.2 ms, log write 480 ms, ...".</summary>
    public string Text(TimeSpan total)
        => string.Join(", ", All(total).Select(stage => string.Create(CultureInfo.InvariantCulture, $"{stage.Name} {stage.Took.TotalMilliseconds:0.0} ms")));

    private (string Name, TimeSpan Took)[] All(TimeSpan total)
    {
        var rest = total - stages.Aggregate(TimeSpan.Zero, (sum, stage) => sum + stage.Took);
        return [.. stages, ("answer", rest > TimeSpan.Zero ? rest : TimeSpan.Zero)];
    }
}
