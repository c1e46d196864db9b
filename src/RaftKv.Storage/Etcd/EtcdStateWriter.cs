using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using RaftKv.Storage.Bolt;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Storage.Etcd;

/// <summary>Writes a state as a member of etcd would have kept it, so that etcd's own tools can restore it.</summary>
internal static class EtcdStateWriter
{
    /// <param name="file">Empty.</param>
    /// <param name="tables">Of the state.</param>
    /// <param name="records">All of them, in the order of their revisions.</param>
    /// <returns>The file's length.</returns>
    public static long Write(IFile file, StateTables tables, IEnumerable<(Revision Revision, ReadOnlyMemory<byte> Record)> records)
    {
        var bolt = new BoltWriter(file);
        foreach (var bucket in EtcdBuckets.All)
        {
            bolt.BeginBucket(bucket);
            switch (bucket)
            {
                case EtcdBuckets.Auth:
                    WriteAuth(bolt, tables.Auth.View);
                    break;
                case EtcdBuckets.AuthRoles:
                    WriteEach(bolt, tables.Auth.View.Roles, role => Encoding.UTF8.GetBytes(role.Name), EtcdRows.WriteRole);
                    break;
                case EtcdBuckets.AuthUsers:
                    WriteEach(bolt, tables.Auth.View.Users, user => Encoding.UTF8.GetBytes(user.Name), EtcdRows.WriteUser);
                    break;
                case EtcdBuckets.Key:
                    WriteRecords(bolt, records);
                    break;
                case EtcdBuckets.Lease:
                    // In the order of the bytes, where a negative id is the greater one.
                    WriteEach(
                        bolt, tables.Leases.Sorted().OrderBy(lease => (ulong)lease.Id), lease => Number((ulong)lease.Id), EtcdRows.WriteLease);
                    break;
                case EtcdBuckets.Meta:
                    WriteMeta(bolt, tables);
                    break;
            }
        }

        return bolt.Finish();
    }

    private static void WriteEach<T>(BoltWriter bolt, IEnumerable<T> items, Func<T, byte[]> key, Action<WireWriter, T> write)
    {
        var row = new WireWriter();
        foreach (var item in items)
        {
            row.Clear();
            write(row, item);
            bolt.Add(key(item), row.Written);
        }
    }

    private static void WriteRecords(BoltWriter bolt, IEnumerable<(Revision Revision, ReadOnlyMemory<byte> Record)> records)
    {
        var row = new WireWriter();
        var key = new byte[EtcdBuckets.TombstoneBytes];
        foreach (var (revision, record) in records)
        {
            var fields = RecordFormat.Read(record.Span);
            var length = EtcdBuckets.WriteRevision(key, revision, fields.IsTombstone);
            if (fields.IsTombstone)
            {
                row.Clear();
                row.Bytes(1, fields.Key);
                bolt.Add(key.AsSpan(0, length), row.Written);
            }
            else
            {
                bolt.Add(key.AsSpan(0, length), record.Span);
            }
        }
    }

    private static void WriteAuth(BoltWriter bolt, AuthView auth)
    {
        bolt.Add(Encoding.ASCII.GetBytes(EtcdBuckets.AuthEnabled), [auth.IsEnabled ? (byte)1 : (byte)0]);
        bolt.Add(Encoding.ASCII.GetBytes(EtcdBuckets.AuthRevision), Number((ulong)auth.Revision));
    }

    private static void WriteMeta(BoltWriter bolt, StateTables tables)
    {
        // Newer tools want to know who votes, before they replace it by the members of the restored cluster.
        var voters = string.Join(',', tables.Config.Voters.ToArray().Select(id => id.Value.ToString(CultureInfo.InvariantCulture)));
        bolt.Add(Encoding.ASCII.GetBytes(EtcdBuckets.ConfState), Encoding.ASCII.GetBytes($"{{\"voters\":[{voters}],\"auto_leave\":false}}"));
        bolt.Add(Encoding.ASCII.GetBytes(EtcdBuckets.ConsistentIndex), Number(tables.Applied.Index));
        if (tables.Keys.Compacted > 0)
        {
            var revision = new byte[EtcdBuckets.RevisionBytes];
            EtcdBuckets.WriteRevision(revision, new Revision(tables.Keys.Compacted, 0), isTombstone: false);
            bolt.Add(Encoding.ASCII.GetBytes(EtcdBuckets.FinishedCompaction), revision);
            bolt.Add(Encoding.ASCII.GetBytes(EtcdBuckets.ScheduledCompaction), revision);
        }

        bolt.Add(Encoding.ASCII.GetBytes(EtcdBuckets.Term), Number(tables.Applied.Term));
    }

    private static byte[] Number(ulong value)
    {
        var bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return bytes;
    }
}
