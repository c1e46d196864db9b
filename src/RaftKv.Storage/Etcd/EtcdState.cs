using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Storage.Bolt;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Snapshots;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Etcd;

/// <summary>
/// Reads what a member of etcd has kept (<see cref="EtcdBuckets"/>), from its beginning to its end: the history from the
/// compaction on, leases, users and roles.
/// </summary>
/// <remarks>What a compaction has left to be removed later comes too; whoever takes it in compacts again anyhow.</remarks>
internal sealed class EtcdState
{
    private readonly BoltFile _file;
    private readonly ArrayBufferWriter<byte> _record = new();
    private readonly Dictionary<string, byte[]> _meta = new(StringComparer.Ordinal);
    private long _revision = 1;
    private ulong _chain;

    private EtcdState(BoltFile file) => _file = file;

    /// <summary>How many rows there were, in all buckets.</summary>
    public long Rows { get; private set; }

    /// <summary>What etcd calls the hash of a snapshot: over every bucket's name, and every row's key and value.</summary>
    public uint Sum { get; private set; }

    /// <summary>Of the newest change; 0 if there is none.</summary>
    public long NewestRecord { get; private set; }

    /// <summary>Of the file, as far as it counts.</summary>
    public long Length => _file.Length;

    /// <summary>Which version of etcd has laid it out, as far as that can be told; empty if it cannot.</summary>
    public string Version
        => _meta.TryGetValue(EtcdBuckets.StorageVersion, out var version) ? Encoding.UTF8.GetString(version)
            : _meta.ContainsKey(EtcdBuckets.ConfState) && _meta.ContainsKey(EtcdBuckets.Term) ? "3.5.0"
            : "";

    /// <summary>Reads all of it.</summary>
    /// <param name="file">At its beginning.</param>
    /// <param name="take">Given the records, in the order of their revisions.</param>
    /// <param name="state">What else there is to know of it.</param>
    /// <exception cref="BoltDamagedException">It is not what etcd has written.</exception>
    public static StateTables Read(IFile file, RecordTaker take, out EtcdState state)
    {
        state = new EtcdState(BoltFile.Open(file));
        try
        {
            return state.Read(take);
        }
        catch (BoltDamagedException damaged)
        {
            throw new BoltDamagedException(damaged.Page, damaged.Problem, state._file.Meta.PageBytes);
        }
    }

    private StateTables Read(RecordTaker take)
    {
        if (!_file.Buckets.Any(name => name.AsSpan().SequenceEqual("key"u8)))
        {
            throw new BoltDamagedException(_file.Meta.Root, "names no bucket 'key': this is no file of etcd.");
        }

        var leases = new LeaseTable();
        var alarms = new AlarmTable();
        var (isAuthEnabled, authRevision) = (false, 1L);
        var users = new List<AuthUser>();
        var roles = new List<AuthRole>();
        foreach (var bucket in _file.Buckets)
        {
            Sum = Crc32C.Continue(Sum, bucket);
            var name = Encoding.UTF8.GetString(bucket);
            var row = _file.Walk(bucket);
            while (row.MoveNext())
            {
                Rows++;
                Sum = Crc32C.Continue(Crc32C.Continue(Sum, row.Key), row.IsBucket ? [] : row.Value);
                try
                {
                    switch (name)
                    {
                        case EtcdBuckets.Key:
                            TakeRecord(row, take);
                            break;
                        case EtcdBuckets.Lease:
                            TakeLease(row, leases);
                            break;
                        case EtcdBuckets.Alarm:
                            var alarm = EtcdRows.ReadAlarm(row.Key.ToArray());
                            alarms.Activate(alarm.Member, alarm.Kind);
                            break;
                        case EtcdBuckets.Auth when row.Key.SequenceEqual("authEnabled"u8):
                            isAuthEnabled = row.Value is [1];
                            break;
                        case EtcdBuckets.Auth when row.Key.SequenceEqual("authRevision"u8):
                            authRevision = (long)Number(row);
                            break;
                        case EtcdBuckets.AuthUsers:
                            users.Add(EtcdRows.ReadUser(row.Value.ToArray()));
                            break;
                        case EtcdBuckets.AuthRoles:
                            roles.Add(EtcdRows.ReadRole(row.Value.ToArray()));
                            break;
                        case EtcdBuckets.Meta:
                            _meta[Encoding.UTF8.GetString(row.Key)] = row.Value.ToArray();
                            break;
                    }
                }
                catch (FormatException wrong)
                {
                    throw new BoltDamagedException(row.Page, $"has a row in bucket '{name}' that cannot be read: {wrong.Message}");
                }
            }
        }

        return new StateTables(
            new LogPosition(MetaNumber(EtcdBuckets.Term), MetaNumber(EtcdBuckets.ConsistentIndex)),
            ClusterConfig.Empty,
            Position(),
            leases,
            alarms,
            new MemberTable(),
            Auth(isAuthEnabled, authRevision, users, roles),
            new RequestWindow());
    }

    private AuthTable Auth(bool isEnabled, long revision, List<AuthUser> users, List<AuthRole> roles)
    {
        try
        {
            return AuthTable.Of(isEnabled, revision, users, roles);
        }
        catch (ArgumentException twice)
        {
            throw new BoltDamagedException(_file.Meta.Root, $"leads to users or roles that are there twice: {twice.Message}");
        }
    }

    private KeySpacePosition Position()
    {
        var compacted = Math.Max(MetaRevision(EtcdBuckets.ScheduledCompaction), MetaRevision(EtcdBuckets.FinishedCompaction));
        return new KeySpacePosition(Math.Max(_revision, compacted), compacted, _chain);
    }

    private void TakeRecord(BoltWalk row, RecordTaker take)
    {
        if (!EtcdBuckets.TryReadRevision(row.Key, out var revision, out var isTombstone))
        {
            throw new FormatException($"its key of {row.Key.Length} bytes is no revision.");
        }

        NewestRecord = revision.Main;
        _revision = Math.Max(_revision, revision.Main);
        var fields = RecordFormat.Read(row.Value);
        if (fields.Key.IsEmpty)
        {
            // The mark of a revision that was raised when a snapshot was restored: nothing happened in it.
            return;
        }

        if (!isTombstone && (fields.Modified != revision.Main || fields.Version < 1 || fields.Created > fields.Modified))
        {
            throw new FormatException($"revision {revision} says that it is {fields.Modified}, version {fields.Version}, created in {fields.Created}.");
        }

        var item = isTombstone
            ? KeyRevision.Tombstone(revision, fields.Key.Length)
            : new KeyRevision(revision, fields.Created, fields.Version, fields.Key.Length + fields.Value.Length, fields.Lease != 0);
        var value = isTombstone ? [] : fields.Value;
        var lease = isTombstone ? 0 : fields.Lease;
        var length = RecordFormat.Bytes(fields.Key.Length, item, value.Length, lease);
        _record.ResetWrittenCount();
        var record = _record.GetSpan(length)[..length];
        RecordFormat.Write(record, fields.Key, item, value, lease);
        _chain = (_chain ^ Crc32C.Continue(Crc32C.Of(record), (ulong)revision.Sub) ^ ((ulong)revision.Main << 32)) * 0x9E3779B97F4A7C15;
        take(revision, record);
    }

    private static void TakeLease(BoltWalk row, LeaseTable leases)
    {
        var (id, ttl, remaining) = EtcdRows.ReadLease(row.Value.ToArray());
        if (leases.Grant(id, ttl) is var refusal and not StateError.None)
        {
            throw new FormatException($"lease {id:x16} is refused: {refusal}.");
        }

        leases.Checkpoint(id, remaining);
    }

    private static ulong Number(BoltWalk row)
        => row.Value.Length == sizeof(ulong)
            ? BinaryPrimitives.ReadUInt64BigEndian(row.Value)
            : throw new FormatException($"a number has {row.Value.Length} bytes.");

    private ulong MetaNumber(string name)
        => _meta.TryGetValue(name, out var value) && value.Length == sizeof(ulong) ? BinaryPrimitives.ReadUInt64BigEndian(value) : 0;

    private long MetaRevision(string name)
        => _meta.TryGetValue(name, out var value) && EtcdBuckets.TryReadRevision(value, out var revision, out _) ? revision.Main : -1;
}
