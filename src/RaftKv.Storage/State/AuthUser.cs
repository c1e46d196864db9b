namespace RaftKv.Storage.State;

/// <summary>Somebody who may have rights. Immutable.</summary>
/// <param name="Name">Not empty.</param>
/// <param name="PasswordHash">Made, and compared with, elsewhere; here it is only kept.</param>
/// <param name="HasNoPassword">Known by a certificate alone.</param>
/// <param name="Roles">In bytewise order.</param>
public sealed record AuthUser(string Name, ReadOnlyMemory<byte> PasswordHash, bool HasNoPassword, IReadOnlyList<string> Roles)
{
    /// <summary>The one user and the one role that always matter.</summary>
    public const string Root = "root";

    internal const int MinBytes = 4;

    /// <summary>It may do everything.</summary>
    public bool IsRoot => Roles.Contains(Root);

    internal void WriteTo(StateWriter writer)
    {
        writer.Text(Name);
        writer.Bytes(PasswordHash.Span);
        writer.Flag(HasNoPassword);
        writer.Texts(Roles);
    }

    internal static AuthUser ReadFrom(ref StateReader reader)
    {
        var user = new AuthUser(reader.Text(), reader.Bytes().ToArray(), reader.Flag(), reader.Texts());
        for (var i = 1; i < user.Roles.Count; i++)
        {
            if (ByteOrder.Instance.Compare(user.Roles[i - 1], user.Roles[i]) >= 0)
            {
                reader.Fail("the roles of a user are not in order.");
            }
        }

        return user;
    }
}
