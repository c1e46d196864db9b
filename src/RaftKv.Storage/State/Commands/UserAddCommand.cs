namespace RaftKv.Storage.State.Commands;

/// <summary>Adds a user.</summary>
/// <param name="Caller">Who asks.</param>
/// <param name="Name">Of the new user.</param>
/// <param name="PasswordHash">Made by the member that was asked, because it is slow and salted by chance.</param>
/// <param name="HasNoPassword">The user is known by a certificate alone; the hash is not looked at.</param>
public readonly record struct UserAddCommand(Caller Caller, string Name, ReadOnlyMemory<byte> PasswordHash, bool HasNoPassword)
    : IStateCommand<UserAddCommand>
{
    public static CommandKind Kind => CommandKind.UserAdd;

    public void WriteBody(StateWriter writer)
    {
        Caller.WriteTo(writer);
        writer.Text(Name);
        writer.Bytes(PasswordHash.Span);
        writer.Flag(HasNoPassword);
    }

    public static UserAddCommand ReadBody(ref StateReader reader)
        => new(Caller.ReadFrom(ref reader), reader.Text(), reader.Bytes().ToArray(), reader.Flag());
}
