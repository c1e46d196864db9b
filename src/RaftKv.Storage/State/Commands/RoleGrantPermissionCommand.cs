namespace RaftKv.Storage.State.Commands;

/// <summary>Gives a permission to a role; one for the same pair of key and range end is replaced.</summary>
/// <param name="Caller">Who asks.</param>
/// <param name="Role">Which role.</param>
/// <param name="Permission">Null if the client forgot it: whether that is the complaint depends on who asks.</param>
public readonly record struct RoleGrantPermissionCommand(Caller Caller, string Role, Permission? Permission)
    : IStateCommand<RoleGrantPermissionCommand>
{
    public static CommandKind Kind => CommandKind.RoleGrantPermission;

    public void WriteBody(StateWriter writer)
    {
        Caller.WriteTo(writer);
        writer.Text(Role);
        writer.Flag(Permission is not null);
        Permission?.WriteTo(writer);
    }

    public static RoleGrantPermissionCommand ReadBody(ref StateReader reader)
        => new(Caller.ReadFrom(ref reader), reader.Text(), reader.Flag() ? Permission.ReadFrom(ref reader) : null);
}
