namespace RaftKv.Storage.State.Commands;

/// <summary>Adds a role that allows nothing yet.</summary>
public readonly record struct RoleAddCommand(Caller Caller, string Role) : IStateCommand<RoleAddCommand>
{
    public static CommandKind Kind => CommandKind.RoleAdd;

    public void WriteBody(StateWriter writer)
    {
        Caller.WriteTo(writer);
        writer.Text(Role);
    }

    public static RoleAddCommand ReadBody(ref StateReader reader) => new(Caller.ReadFrom(ref reader), reader.Text());
}
