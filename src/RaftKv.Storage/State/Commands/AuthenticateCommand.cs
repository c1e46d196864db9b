namespace RaftKv.Storage.State.Commands;

/// <summary>A password was right; every member remembers the token that was made for it.</summary>
/// <param name="Name">Whose password it was.</param>
/// <param name="Token">Made by the member that was asked; its random part alone if the index of this entry belongs to it.</param>
/// <param name="CheckedRevision">The auth revision by which the password was found right. If it has changed since, the password may have:
/// it has to be looked at again.</param>
public readonly record struct AuthenticateCommand(string Name, string Token, long CheckedRevision)
    : IStateCommand<AuthenticateCommand>
{
    public static CommandKind Kind => CommandKind.Authenticate;

    public void WriteBody(StateWriter writer)
    {
        writer.Text(Name);
        writer.Text(Token);
        writer.Zigzag(CheckedRevision);
    }

    public static AuthenticateCommand ReadBody(ref StateReader reader)
        => new(reader.Text(), reader.Text(), reader.Zigzag());
}
