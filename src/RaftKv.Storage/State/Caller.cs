namespace RaftKv.Storage.State;

/// <summary>
/// On whose behalf a command is applied. It travels with the command, because rights are judged again when the command
/// is applied: they may have changed on the way.
/// </summary>
/// <param name="User">Empty if nobody gave credentials.</param>
/// <param name="AuthRevision">Of the users and roles, when the credentials were looked at; 0 for nobody.</param>
public readonly record struct Caller(string User, long AuthRevision)
{
    /// <summary>Whoever gave no credentials, and the cluster itself.</summary>
    public static readonly Caller Nobody = new("", 0);

    public bool IsNobody => string.IsNullOrEmpty(User);

    public void WriteTo(StateWriter writer)
    {
        writer.Text(User ?? "");
        writer.Zigzag(AuthRevision);
    }

    public static Caller ReadFrom(ref StateReader reader) => new(reader.Text(), reader.Zigzag());

    /// <summary>Reads on behind one.</summary>
    internal static void Skip(ref StateReader reader)
    {
        reader.Bytes();
        reader.Zigzag();
    }
}
