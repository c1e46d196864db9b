using System.Buffers;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.State;

/// <summary>Everything but the records, as bytes: it stands beside a checkpoint of the records, and before the records of
/// a snapshot.</summary>
public sealed partial class StateMachine
{
    private const string TablesName = "state";

    // Written as long as no request has a name, so that a program that knows of none can read it.
    private const byte TablesVersion = 1;
    private const byte TablesVersionWithRequests = 2;

    /// <summary>Writes where the state stands and what its tables hold.</summary>
    public void WriteTables(IBufferWriter<byte> to) => WriteTables(to, withLeasedKeys: false);

    /// <summary>Puts a state together: from a checkpoint at a start, from a snapshot when it has arrived.</summary>
    /// <param name="tables">As written beside the records.</param>
    /// <param name="openKeys">Opens the key space as of a position.</param>
    /// <param name="observer">Null for nobody.</param>
    /// <param name="forgetsRequests">A mistake, for tests.</param>
    /// <exception cref="StateFormatException">These are not the tables of a state.</exception>
    public static StateMachine Open(
        ReadOnlySpan<byte> tables, Func<KeySpacePosition, KeySpace> openKeys, IStateObserver? observer = null, bool forgetsRequests = false)
    {
        var reader = new StateReader(tables, TablesName);
        var version = reader.Byte();
        if (version is not (TablesVersion or TablesVersionWithRequests))
        {
            reader.FailAt(0, $"its version is {version}; this program knows {TablesVersion} and {TablesVersionWithRequests}.");
        }

        var applied = new LogPosition(reader.Number(), reader.Number());
        var config = ReadConfig(ref reader);
        var position = new KeySpacePosition(reader.Zigzag(), reader.Zigzag(), reader.Id());
        var leases = LeaseTable.ReadFrom(reader.Bytes());
        var alarms = AlarmTable.ReadFrom(reader.Bytes());
        var members = MemberTable.ReadFrom(reader.Bytes());
        var auth = AuthTable.ReadFrom(reader.Bytes());
        var requests = version == TablesVersionWithRequests ? RequestWindow.ReadFrom(reader.Bytes()) : new RequestWindow();
        reader.End();

        var keys = openKeys(position);
        foreach (var (key, lease) in keys.TakeLeasedKeys())
        {
            leases.Attach(key.Span, lease);
        }

        return new StateMachine(keys, observer)
        {
            Applied = applied,
            Config = config,
            Leases = leases,
            Alarms = alarms,
            Members = members,
            Auth = auth,
            Requests = forgetsRequests ? new RequestWindow() : requests,
        };
    }

    private void WriteTables(IBufferWriter<byte> to, bool withLeasedKeys)
    {
        var writer = new StateWriter(to);
        writer.Byte(Requests.IsEmpty ? TablesVersion : TablesVersionWithRequests);
        writer.Number(Applied.Term);
        writer.Number(Applied.Index);
        WriteConfig(writer);
        var position = Keys.Position;
        writer.Zigzag(position.Revision);
        writer.Zigzag(position.Compacted);
        writer.Id(position.Chain);
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
