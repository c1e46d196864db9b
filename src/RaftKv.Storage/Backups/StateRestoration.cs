using System.Buffers;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Backups;

/// <summary>Fills a new member's state from a snapshot.</summary>
public static class StateRestoration
{
    /// <summary>So far are revisions raised if nothing else is said: a cluster that has made a hundred thousand of them a
    /// second would have needed four months since the snapshot was taken.</summary>
    public const long DefaultBump = 1_000_000_000_000;

    /// <summary>Takes the snapshot in, and makes it the state, durably.</summary>
    /// <param name="store">Empty.</param>
    /// <param name="saved">The snapshot.</param>
    /// <param name="change">Says what becomes of its tables.</param>
    /// <exception cref="Snapshots.SnapshotDamagedException">The snapshot cannot be used; the store is still empty.</exception>
    public static StateTables Fill(StateStore store, SavedState saved, Func<StateTables, StateTables> change)
    {
        var room = store.BeginArrival();
        StateTables tables;
        StateMachine machine;
        try
        {
            tables = change(saved.Read(room.Keys.Import, out _));
            var bytes = new ArrayBufferWriter<byte>();
            tables.WriteTo(bytes);
            machine = room.Complete(bytes.WrittenSpan);
        }
        catch
        {
            room.Keys.Dispose();
            throw;
        }

        var installation = store.BeginInstallation(room, machine);
        installation.Write();
        var empty = store.FinishInstallation(installation);
        empty.CloseToReaders();
        store.Retire(empty);
        return tables;
    }

    /// <summary>
    /// The tables with revisions that nobody can have been told of, and nothing before them to be read: who watched the old
    /// cluster, or asks at one of its revisions, learns that it has to begin anew. Requests that may have been applied after
    /// the snapshot was taken are refused when they come again.
    /// </summary>
    /// <param name="tables">As they were.</param>
    /// <param name="bump">By how much revisions are raised, 1 at least.</param>
    public static StateTables Raised(StateTables tables, long bump)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bump, 1);
        var revision = checked(tables.Keys.Revision + bump);
        tables.Requests.ForgetUpTo(revision);
        return tables with { Keys = tables.Keys with { Revision = revision, Compacted = revision } };
    }
}
