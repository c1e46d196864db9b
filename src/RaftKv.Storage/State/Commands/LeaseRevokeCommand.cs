namespace RaftKv.Storage.State.Commands;

/// <param name="Caller">Who asked; <see cref="Caller.Nobody"/> if the lease ran out, see
/// <paramref name="IsExpired"/>.</param>
/// <param name="Id">Which lease.</param>
/// <param name="IsExpired">The leader proposed it because the time was over. Nobody's rights are asked for.</param>
public readonly record struct LeaseRevokeCommand(Caller Caller, long Id, bool IsExpired) : IStateCommand<LeaseRevokeCommand>
{
    public static CommandKind Kind => CommandKind.LeaseRevoke;

    public void WriteBody(StateWriter writer)
    {
        Caller.WriteTo(writer);
        writer.Id((ulong)Id);
        writer.Flag(IsExpired);
    }

    public static LeaseRevokeCommand ReadBody(ref StateReader reader)
        => new(Caller.ReadFrom(ref reader), (long)reader.Id(), reader.Flag());
}
