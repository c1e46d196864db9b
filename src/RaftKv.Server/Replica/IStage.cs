namespace RaftKv.Server.Replica;

/// <summary>
/// A step on the way of a write. It is run by one thread at a time and never waits for another stage: what it needs comes
/// into its inbox, and until then it does something else or nothing.
/// </summary>
public interface IStage
{
    string Name { get; }

    /// <summary>Does what there is to do.</summary>
    /// <returns>False if nothing is left until the doorbell rings.</returns>
    bool Run();
}
