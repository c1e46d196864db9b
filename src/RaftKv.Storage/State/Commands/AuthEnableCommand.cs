namespace RaftKv.Storage.State.Commands;

/// <summary>Turns authentication on. Nobody's rights are asked for: while it is off everybody may, and while it is on
/// nothing happens.</summary>
public readonly record struct AuthEnableCommand : IStateCommand<AuthEnableCommand>
{
    public static CommandKind Kind => CommandKind.AuthEnable;

    public void WriteBody(StateWriter writer)
    {
    }

    public static AuthEnableCommand ReadBody(ref StateReader reader) => default;
}
