using System.Buffers.Binary;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Etcd;

/// <summary>
/// How etcd lays out its state in a bbolt file.
/// <code>
///   key        main 8, '_', sub 8, 't' if a tombstone     a KeyValue; of a tombstone with nothing but the key
///   lease      id 8                                       a leasepb.Lease
///   auth       authEnabled, authRevision                  one byte; 8 bytes
///   authUsers  name                                       an authpb.User
///   authRoles  name                                       an authpb.Role
///   alarm      an AlarmMember                             nothing
///   meta       scheduledCompactRev, finishedCompactRev    as in key
///              consistent_index, term                     8 bytes each
///              confState, storageVersion                  JSON; text
/// </code>
/// </summary>
/// <remarks>All numbers are big-endian. The members of the cluster are here too, and of no interest: a cluster that is made of
/// a snapshot has its own.</remarks>
internal static class EtcdBuckets
{
    public const string Key = "key";
    public const string Lease = "lease";
    public const string Auth = "auth";
    public const string AuthUsers = "authUsers";
    public const string AuthRoles = "authRoles";
    public const string Alarm = "alarm";
    public const string Meta = "meta";

    public const string AuthEnabled = "authEnabled";
    public const string AuthRevision = "authRevision";
    public const string ScheduledCompaction = "scheduledCompactRev";
    public const string FinishedCompaction = "finishedCompactRev";
    public const string ConsistentIndex = "consistent_index";
    public const string Term = "term";
    public const string ConfState = "confState";
    public const string StorageVersion = "storageVersion";

    public const int RevisionBytes = 17;
    public const int TombstoneBytes = RevisionBytes + 1;

    private const byte Between = (byte)'_';
    private const byte TombstoneMark = (byte)'t';

    /// <summary>Those that etcd makes at its start and expects to find.</summary>
    public static readonly string[] All =
        ["alarm", "auth", "authRoles", "authUsers", "cluster", "key", "lease", "members", "members_removed", "meta"];

    /// <returns>How many bytes it took.</returns>
    public static int WriteRevision(Span<byte> to, Revision revision, bool isTombstone)
    {
        BinaryPrimitives.WriteInt64BigEndian(to, revision.Main);
        to[8] = Between;
        BinaryPrimitives.WriteInt64BigEndian(to[9..], revision.Sub);
        if (!isTombstone)
        {
            return RevisionBytes;
        }

        to[RevisionBytes] = TombstoneMark;
        return TombstoneBytes;
    }

    public static bool TryReadRevision(ReadOnlySpan<byte> key, out Revision revision, out bool isTombstone)
    {
        isTombstone = key.Length == TombstoneBytes;
        revision = default;
        if ((key.Length != RevisionBytes && !isTombstone) || key[8] != Between || (isTombstone && key[RevisionBytes] != TombstoneMark))
        {
            return false;
        }

        revision = new Revision(BinaryPrimitives.ReadInt64BigEndian(key), BinaryPrimitives.ReadInt64BigEndian(key[9..]));
        return revision.Main >= 0 && revision.Sub >= 0;
    }
}
