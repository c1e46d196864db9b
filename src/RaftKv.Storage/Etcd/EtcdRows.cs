using System.Text;
using RaftKv.Raft;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Storage.Etcd;

/// <summary>What etcd's rows say of leases, users, roles and alarms: protobuf, both ways.</summary>
internal static class EtcdRows
{
    public static (long Id, long Ttl, long Remaining) ReadLease(ReadOnlyMemory<byte> row)
    {
        var (id, ttl, remaining) = (0L, 0L, 0L);
        var reader = new WireReader(row);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    id = reader.Number();
                    break;
                case 2:
                    ttl = reader.Number();
                    break;
                case 3:
                    remaining = reader.Number();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return (id, ttl, remaining);
    }

    public static void WriteLease(WireWriter to, Lease lease)
    {
        to.Number(1, lease.Id);
        to.Number(2, lease.Ttl);
        to.Number(3, lease.RemainingTtl);
    }

    public static AuthUser ReadUser(ReadOnlyMemory<byte> row)
    {
        var (name, hash, hasNoPassword) = ("", Array.Empty<byte>(), false);
        var roles = new List<string>();
        var reader = new WireReader(row);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = Text(reader.Bytes());
                    break;
                case 2:
                    hash = reader.Bytes().ToArray();
                    break;
                case 3:
                    roles.Add(Text(reader.Bytes()));
                    break;
                case 4:
                    hasNoPassword = ReadHasNoPassword(reader.Bytes());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new AuthUser(name, hash, hasNoPassword, roles);
    }

    public static void WriteUser(WireWriter to, AuthUser user)
    {
        to.Bytes(1, Encoding.UTF8.GetBytes(user.Name));
        if (!user.PasswordHash.IsEmpty)
        {
            to.Bytes(2, user.PasswordHash.Span);
        }

        foreach (var role in user.Roles)
        {
            to.Bytes(3, Encoding.UTF8.GetBytes(role));
        }

        var options = to.Begin(4);
        to.Flag(1, user.HasNoPassword);
        to.End(options);
    }

    public static AuthRole ReadRole(ReadOnlyMemory<byte> row)
    {
        var name = "";
        var permissions = new List<Permission>();
        var reader = new WireReader(row);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = Text(reader.Bytes());
                    break;
                case 2:
                    permissions.Add(ReadPermission(reader.Bytes()));
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new AuthRole(name, permissions);
    }

    public static void WriteRole(WireWriter to, AuthRole role)
    {
        to.Bytes(1, Encoding.UTF8.GetBytes(role.Name));
        foreach (var permission in role.Permissions)
        {
            var start = to.Begin(2);
            to.Number(1, (long)permission.Kind);
            to.Bytes(2, permission.Key.Span);
            if (!permission.RangeEnd.IsEmpty)
            {
                to.Bytes(3, permission.RangeEnd.Span);
            }

            to.End(start);
        }
    }

    public static Alarm ReadAlarm(ReadOnlyMemory<byte> row)
    {
        var (member, kind) = (0L, 0);
        var reader = new WireReader(row);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    member = reader.Number();
                    break;
                case 2:
                    kind = reader.Enum();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new Alarm(new NodeId((ulong)member), (AlarmKind)kind);
    }

    private static Permission ReadPermission(ReadOnlyMemory<byte> row)
    {
        var (kind, key, end) = (0, Array.Empty<byte>(), Array.Empty<byte>());
        var reader = new WireReader(row);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    kind = reader.Enum();
                    break;
                case 2:
                    key = reader.Bytes().ToArray();
                    break;
                case 3:
                    end = reader.Bytes().ToArray();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new Permission((PermissionKind)kind, key, end);
    }

    private static bool ReadHasNoPassword(ReadOnlyMemory<byte> options)
    {
        var hasNoPassword = false;
        var reader = new WireReader(options);
        while (reader.Next())
        {
            if (reader.Field == 1)
            {
                hasNoPassword = reader.Flag();
            }
            else
            {
                reader.Skip();
            }
        }

        return hasNoPassword;
    }

    // Bytes that are no text would be kept differently than they came.
    private static string Text(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return StateWriter.StrictUtf8.GetString(bytes.Span);
        }
        catch (DecoderFallbackException)
        {
            throw new WireFormatException("A name is not UTF-8.");
        }
    }
}
