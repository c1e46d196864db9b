namespace RaftKv.Storage.State.Commands;

/// <summary>Deletes a user, whose tokens end with it.</summary>
public readonly record struct UserDeleteCommand(Caller Caller, string Name) : IStateCommand<UserDeleteCommand>
{
    public static CommandKind Kind => CommandKind.UserDelete;

    public void WriteBody(StateWriter writer)
    {
        Caller.WriteTo(writer);
        writer.Text(Name);
    }

    public static UserDeleteCommand ReadBody(ref StateReader reader)
        => new(Caller.ReadFrom(ref reader), reader.Text());
}
