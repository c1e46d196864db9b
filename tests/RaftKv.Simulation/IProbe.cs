namespace RaftKv.Simulation;

/// <summary>A client that shows whether a cluster serves.</summary>
internal interface IProbe
{
    int SucceededCount { get; }

    void Stop();
}
