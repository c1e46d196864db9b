namespace RaftKv.Storage.State.Commands;

/// <summary>A place in the log at which members compare their states: each says its sum there with a
/// <see cref="StateSumCommand"/>.</summary>
/// <param name="Reserved">Nothing yet; 0.</param>
public readonly record struct StateMarkCommand(byte Reserved = 0) : IStateCommand<StateMarkCommand>
{
    public static CommandKind Kind => CommandKind.StateMark;

    public void WriteBody(StateWriter writer) => writer.Byte(Reserved);

    public static StateMarkCommand ReadBody(ref StateReader reader) => new(reader.Byte());
}
