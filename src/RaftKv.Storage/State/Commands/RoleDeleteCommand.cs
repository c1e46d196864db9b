namespace RaftKv.Storage.State.Commands;

/// <summary>Deletes a role and takes it from whoever has it.</summary>
public readonly record struct RoleDeleteCommand(Caller Caller, string Role) : IStateCommand<RoleDeleteCommand>
{
    public static CommandKind Kind => CommandKind.RoleDelete;

    public void WriteBody(StateWriter writer)
    {
        Caller.WriteTo(writer);
        writer.Text(Role);
    }

    public static RoleDeleteCommand ReadBody(ref StateReader reader)
        => new(Caller.ReadFrom(ref reader), reader.Text());
}
