using System.Buffers;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.State;

/// <summary>Everything but the records, as bytes: it stands beside a checkpoint of the records, and before the records of
/// a snapshot.</summary>
public sealed partial class StateMachine
{
    /// <summary>Writes where the state stands and what its tables hold.</summary>
    public void WriteTables(IBufferWriter<byte> to) => Tables().WriteTo(to);

    /// <summary>Puts a state together: from a checkpoint at a start, from a snapshot when it has arrived.</summary>
    /// <param name="tables">As written beside the records.</param>
    /// <param name="openKeys">Opens the key space as of a position.</param>
    /// <param name="observer">Null for nobody.</param>
    /// <param name="forgetsRequests">A mistake, for tests.</param>
    /// <param name="skipsNestedRights">Another.</param>
    /// <exception cref="StateFormatException">These are not the tables of a state.</exception>
    public static StateMachine Open(
        ReadOnlySpan<byte> tables, Func<KeySpacePosition, KeySpace> openKeys, IStateObserver? observer = null, bool forgetsRequests = false, bool skipsNestedRights = false)
    {
        var read = StateTables.Read(tables);
        var keys = openKeys(read.Keys);
        foreach (var (key, lease) in keys.TakeLeasedKeys())
        {
            // In a state that comes from etcd there may be keys that have outlived their lease.
            if (read.Leases.Contains(lease))
            {
                read.Leases.Attach(key.Span, lease);
            }
        }

        return new StateMachine(keys, observer)
        {
            Applied = read.Applied,
            Config = read.Config,
            Leases = read.Leases,
            Alarms = read.Alarms,
            Members = read.Members,
            Auth = read.Auth,
            Requests = forgetsRequests ? new RequestWindow() : read.Requests,
            SkipsNestedRights = skipsNestedRights,
        };
    }

    private StateTables Tables() => new(Applied, Config, Keys.Position, Leases, Alarms, Members, Auth, Requests);
}
