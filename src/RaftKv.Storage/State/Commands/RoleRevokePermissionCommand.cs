namespace RaftKv.Storage.State.Commands;

/// <summary>Takes the permission for exactly this pair of key and range end from a role.</summary>
public readonly record struct RoleRevokePermissionCommand(Caller Caller, string Role, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> RangeEnd)
    : IStateCommand<RoleRevokePermissionCommand>
{
    public static CommandKind Kind => CommandKind.RoleRevokePermission;

    public void WriteBody(StateWriter writer)
    {
        Caller.WriteTo(writer);
        writer.Text(Role);
        writer.Bytes(Key.Span);
        writer.Bytes(RangeEnd.Span);
    }

    public static RoleRevokePermissionCommand ReadBody(ref StateReader reader)
        => new(Caller.ReadFrom(ref reader), reader.Text(), reader.Bytes().ToArray(), reader.Bytes().ToArray());
}
