namespace RaftKv.Storage.State;

/// <summary>Permissions under a name. Immutable.</summary>
/// <param name="Name">Not empty.</param>
/// <param name="Permissions">In order, each pair of key and range end once; they may overlap.</param>
public sealed record AuthRole(string Name, IReadOnlyList<Permission> Permissions)
{
    internal const int MinBytes = 2;

    internal void WriteTo(StateWriter writer)
    {
        writer.Text(Name);
        writer.Count(Permissions.Count);
        foreach (var permission in Permissions)
        {
            permission.WriteTo(writer);
        }
    }

    internal static AuthRole ReadFrom(ref StateReader reader)
    {
        var name = reader.Text();
        var permissions = new Permission[reader.Count(Permission.MinBytes)];
        for (var i = 0; i < permissions.Length; i++)
        {
            permissions[i] = Permission.ReadFrom(ref reader);
            if (i > 0 && permissions[i - 1].CompareTo(permissions[i]) >= 0)
            {
                reader.Fail("the permissions of a role are not in order.");
            }
        }

        return new AuthRole(name, permissions);
    }
}
