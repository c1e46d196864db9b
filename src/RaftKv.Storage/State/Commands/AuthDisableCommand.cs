namespace RaftKv.Storage.State.Commands;

/// <summary>Turns authentication off.</summary>
public readonly record struct AuthDisableCommand(Caller Caller) : IStateCommand<AuthDisableCommand>
{
    public static CommandKind Kind => CommandKind.AuthDisable;

    public void WriteBody(StateWriter writer)
    {
        Caller.WriteTo(writer);
    }

    public static AuthDisableCommand ReadBody(ref StateReader reader) => new(Caller.ReadFrom(ref reader));
}
