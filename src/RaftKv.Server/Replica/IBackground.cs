namespace RaftKv.Server.Replica;

/// <summary>Runs what may take its time beside the stages.</summary>
public interface IBackground
{
    void Run(Action work);
}
