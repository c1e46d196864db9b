namespace RaftKv.Server.Replica;

/// <summary>Runs what may take its time beside the stages.</summary>
public interface IBackground
{
    void Run(Action work);

    /// <summary>Runs it after a pause; at once where time does not matter.</summary>
    void RunLater(TimeSpan pause, Action work) => Run(work);
}
