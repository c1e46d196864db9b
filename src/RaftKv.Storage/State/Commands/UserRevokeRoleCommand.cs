namespace RaftKv.Storage.State.Commands;

/// <summary>Takes a role from a user.</summary>
public readonly record struct UserRevokeRoleCommand(Caller Caller, string Name, string Role)
    : IStateCommand<UserRevokeRoleCommand>
{
    public static CommandKind Kind => CommandKind.UserRevokeRole;

    public void WriteBody(StateWriter writer)
    {
        Caller.WriteTo(writer);
        writer.Text(Name);
        writer.Text(Role);
    }

    public static UserRevokeRoleCommand ReadBody(ref StateReader reader)
        => new(Caller.ReadFrom(ref reader), reader.Text(), reader.Text());
}
