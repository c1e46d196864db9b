namespace RaftKv.Storage.State.Commands;

/// <summary>Gives a user another password, whereby the tokens got by the old one end.</summary>
public readonly record struct UserChangePasswordCommand(Caller Caller, string Name, ReadOnlyMemory<byte> PasswordHash)
    : IStateCommand<UserChangePasswordCommand>
{
    public static CommandKind Kind => CommandKind.UserChangePassword;

    public void WriteBody(StateWriter writer)
    {
        Caller.WriteTo(writer);
        writer.Text(Name);
        writer.Bytes(PasswordHash.Span);
    }

    public static UserChangePasswordCommand ReadBody(ref StateReader reader)
        => new(Caller.ReadFrom(ref reader), reader.Text(), reader.Bytes().ToArray());
}
