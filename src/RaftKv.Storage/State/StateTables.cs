using System.Buffers;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.State;

/// <summary>A state without its records: where it stands, and what its tables hold.</summary>
/// <example><code>
/// var tables = StateTables.Read(bytes);
/// (tables with { Alarms = new AlarmTable() }).WriteTo(buffer);
/// </code></example>
/// <param name="Applied">The last entry of the log that is in it.</param>
/// <param name="Config">The members as of then, in Raft's words.</param>
/// <param name="Keys">Where the key space stands.</param>
/// <param name="Leases">Which keys they have is known by the records alone.</param>
/// <param name="Alarms">That stand.</param>
/// <param name="Members">That there are, and those that were removed.</param>
/// <param name="Auth">Users and roles.</param>
/// <param name="Requests">That may come again.</param>
public sealed record StateTables(
    LogPosition Applied,
    ClusterConfig Config,
    KeySpacePosition Keys,
    LeaseTable Leases,
    AlarmTable Alarms,
    MemberTable Members,
    AuthTable Auth,
    RequestWindow Requests)
{
    private const string FormatName = "state";

    // Written as long as no request has a name, so that a program that knows of none can read it.
    private const byte Version = 1;
    private const byte VersionWithRequests = 2;

    /// <exception cref="StateFormatException">These are not the tables of a state.</exception>
    public static StateTables Read(ReadOnlySpan<byte> bytes)
    {
        var reader = new StateReader(bytes, FormatName);
        var version = reader.Byte();
        if (version is not (Version or VersionWithRequests))
        {
            reader.FailAt(0, $"its version is {version}; this program knows {Version} and {VersionWithRequests}.");
        }

        var tables = new StateTables(
            new LogPosition(reader.Number(), reader.Number()),
            ReadConfig(ref reader),
            new KeySpacePosition(reader.Zigzag(), reader.Zigzag(), reader.Id()),
            LeaseTable.ReadFrom(reader.Bytes()),
            AlarmTable.ReadFrom(reader.Bytes()),
            MemberTable.ReadFrom(reader.Bytes()),
            AuthTable.ReadFrom(reader.Bytes()),
            version == VersionWithRequests ? RequestWindow.ReadFrom(reader.Bytes()) : new RequestWindow());
        reader.End();
        return tables;
    }

    public void WriteTo(IBufferWriter<byte> to, bool withLeasedKeys = false)
    {
        var writer = new StateWriter(to);
        writer.Byte(Requests.IsEmpty ? Version : VersionWithRequests);
        writer.Number(Applied.Term);
        writer.Number(Applied.Index);
        WriteConfig(writer);
        writer.Zigzag(Keys.Revision);
        writer.Zigzag(Keys.Compacted);
        writer.Id(Keys.Chain);
        Write(writer, table => Leases.WriteTo(table, withLeasedKeys));
        Write(writer, Alarms.WriteTo);
        Write(writer, Members.WriteTo);
        Write(writer, Auth.WriteTo);
        if (!Requests.IsEmpty)
        {
            Write(writer, Requests.WriteTo);
        }
    }

    private static void Write(StateWriter writer, Action<IBufferWriter<byte>> write)
    {
        var table = new ArrayBufferWriter<byte>();
        write(table);
        writer.Bytes(table.WrittenSpan);
    }

    private void WriteConfig(StateWriter writer)
    {
        WriteIds(writer, Config.Voters);
        WriteIds(writer, Config.Outgoing);
        WriteIds(writer, Config.Learners);
        WriteIds(writer, Config.LearnersNext);
        writer.Flag(Config.LeavesAutomatically);
    }

    private static ClusterConfig ReadConfig(ref StateReader reader)
    {
        var voters = ReadIds(ref reader);
        var outgoing = ReadIds(ref reader);
        var learners = ReadIds(ref reader);
        var next = ReadIds(ref reader);
        return ClusterConfig.Restore(voters, outgoing, learners, next, reader.Flag());
    }

    private static void WriteIds(StateWriter writer, ReadOnlySpan<NodeId> ids)
    {
        writer.Count(ids.Length);
        foreach (var id in ids)
        {
            writer.Id(id.Value);
        }
    }

    private static NodeId[] ReadIds(ref StateReader reader)
    {
        var ids = new NodeId[reader.Count(sizeof(ulong))];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = new NodeId(reader.Id());
        }

        return ids;
    }
}
