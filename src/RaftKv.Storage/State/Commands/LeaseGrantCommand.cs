namespace RaftKv.Storage.State.Commands;

/// <param name="Id">Chosen by the member that was asked, if the client chose none.</param>
/// <param name="Ttl">In seconds; already raised to the minimum.</param>
public readonly record struct LeaseGrantCommand(long Id, long Ttl) : IStateCommand<LeaseGrantCommand>
{
    public static CommandKind Kind => CommandKind.LeaseGrant;

    public void WriteBody(StateWriter writer)
    {
        writer.Id((ulong)Id);
        writer.Zigzag(Ttl);
    }

    public static LeaseGrantCommand ReadBody(ref StateReader reader) => new((long)reader.Id(), reader.Zigzag());
}
