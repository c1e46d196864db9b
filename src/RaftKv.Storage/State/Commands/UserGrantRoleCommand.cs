namespace RaftKv.Storage.State.Commands;

/// <summary>Gives a role to a user; nothing happens if it is theirs already.</summary>
public readonly record struct UserGrantRoleCommand(Caller Caller, string Name, string Role)
    : IStateCommand<UserGrantRoleCommand>
{
    public static CommandKind Kind => CommandKind.UserGrantRole;

    public void WriteBody(StateWriter writer)
    {
        Caller.WriteTo(writer);
        writer.Text(Name);
        writer.Text(Role);
    }

    public static UserGrantRoleCommand ReadBody(ref StateReader reader)
        => new(Caller.ReadFrom(ref reader), reader.Text(), reader.Text());
}
