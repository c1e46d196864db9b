namespace RaftKv.Storage.State.Commands;

/// <summary>A replicated command as it stands in the log. <see cref="StateCommand"/> puts the kind before its bytes.</summary>
public interface IStateCommand<TSelf>
    where TSelf : IStateCommand<TSelf>
{
    static abstract CommandKind Kind { get; }

    void WriteBody(StateWriter writer);

    static abstract TSelf ReadBody(ref StateReader reader);
}
