using System.Buffers;
using RaftKv.Raft.Log;
using RaftKv.Server.Hosting;
using RaftKv.Storage.Backups;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.State;
using RaftKv.Storage.Wal;

namespace RaftKv.Server.Bootstrap;

/// <summary>How a snapshot becomes a member.</summary>
public sealed record RestorationOptions
{
    /// <summary>The snapshot: of RaftKv, or of etcd.</summary>
    public required string Snapshot { get; init; }

    /// <summary>What the member is called.</summary>
    public string Name { get; init; } = "default";

    /// <summary>Made if it is missing; empty if it is there. <c>NAME.raftkv</c> in the current directory if nothing is
    /// said.</summary>
    public string DataDirectory { get; init; } = "";

    /// <summary>Where its log goes, if not into its data directory; empty, or not there yet.</summary>
    public string WalDirectory { get; init; } = "";

    /// <summary>The members of the new cluster; this one alone if empty.</summary>
    public IReadOnlyList<(string Name, Uri PeerUrl)> InitialCluster { get; init; } = [];

    /// <summary>Tells clusters with the same addresses apart.</summary>
    public string ClusterToken { get; init; } = "etcd-cluster";

    /// <summary>Where the other members find it; as <see cref="InitialCluster"/> says if empty.</summary>
    public IReadOnlyList<Uri> AdvertisePeerUrls { get; init; } = [];

    /// <summary>Whether the sum at the end of the snapshot does not matter: a copy of a data file of etcd has none.</summary>
    public bool SkipsSum { get; init; }

    /// <summary>By how much revisions are raised, so that none is handed out again; 0 keeps revisions and history as they were,
    /// for a cluster that no client of the old one will ever meet.</summary>
    public long Bump { get; init; } = StateRestoration.DefaultBump;
}

/// <summary>What has become of a snapshot.</summary>
/// <param name="Path">The data directory.</param>
/// <param name="Self">The member's id.</param>
/// <param name="ClusterId">The new cluster's.</param>
/// <param name="SavedRevision">The newest in the snapshot.</param>
/// <param name="Revision">That the new cluster begins with.</param>
/// <param name="IsAuthEnabled">Whether clients have to say who they are, as they had to at the old one.</param>
/// <param name="DroppedAlarms">Of members of the old cluster. They are gone, and what was the matter with them should be known.</param>
public sealed record RestorationReport(
    string Path,
    Raft.NodeId Self,
    ulong ClusterId,
    long SavedRevision,
    long Revision,
    bool IsAuthEnabled,
    IReadOnlyList<Alarm> DroppedAlarms);

/// <summary>
/// Makes the data directory of a member of a new cluster from a snapshot. Every member of the cluster is made in this way, of
/// the same snapshot.
/// </summary>
/// <remarks>
/// <para>The member is a founder whose log begins behind one entry, the one in which the others were founded, and whose state
/// is the snapshot's. The term of that entry is made of what the state is: one that was made of another snapshot, or founded
/// with nothing, does not agree with it, and is never taken for one that holds the same.</para>
/// <para>Until everything is there, the directory is marked, and no member starts on it.</para>
/// </remarks>
public static class Restoration
{
    private const string Work = "snapshot restore";

    // Above that of members who were founded with nothing.
    private const ulong TermMin = 2;

    /// <exception cref="Storage.Snapshots.SnapshotDamagedException">The snapshot cannot be used.</exception>
    /// <exception cref="BootstrapException">The options contradict each other.</exception>
    /// <exception cref="StorageException">The directory cannot be used, or the disk failed.</exception>
    public static RestorationReport Run(RestorationOptions options) => Run(options, MachineGround.Instance);

    internal static RestorationReport Run(RestorationOptions options, MemberGround ground)
    {
        var member = new RaftKvOptions
        {
            Name = options.Name,
            DataDirectory = options.DataDirectory,
            InitialCluster = options.InitialCluster,
            ClusterToken = options.ClusterToken,
        };
        if (member.Problems().FirstOrDefault() is { } problem)
        {
            throw new BootstrapException(problem);
        }

        if (options.Bump < 0)
        {
            throw new BootstrapException("Revisions can be raised, not lowered.");
        }

        var named = options.InitialCluster.Where(one => one.Name == options.Name).Select(one => one.PeerUrl).ToArray();
        var peerUrls = options.AdvertisePeerUrls.Count > 0 ? options.AdvertisePeerUrls
            : named.Length > 0 ? named
            : [new Uri("http://localhost:2380")];
        var who = Founding.Found(member, peerUrls);

        // Whatever is wrong with it is known before anything is made.
        using var saved = SavedState.Open(ground.Files, options.Snapshot);
        if (!options.SkipsSum)
        {
            saved.CheckSum();
        }

        MemberLog.RefuseUsed(ground.Files, options.WalDirectory);
        using var directory = DataDirectory.Begin(ground.Files, ground.PathOf(member), ground.Draw() | 1, Work);
        Clear(ground.Files, directory.Path, "wal", "state");
        var before = (StateTables?)null;
        var after = MakeState(saved, ground, member, who, directory, tables => before = tables, options.Bump);
        MakeLog(ground, directory, options.WalDirectory, after.Applied);
        who.Write(ground.Files, directory.Path);
        directory.Finish();
        return new RestorationReport(
            directory.Path,
            who.Self,
            who.ClusterId,
            before!.Keys.Revision,
            after.Keys.Revision,
            after.Auth.View.IsEnabled,
            [.. before.Alarms.Active]);
    }

    private static StateTables MakeState(
        SavedState saved,
        MemberGround ground,
        RaftKvOptions member,
        MemberFile who,
        DataDirectory directory,
        Action<StateTables> seen,
        long bump)
    {
        using var store = StateStore.Open(
            ground.Files, directory.Subdirectory("state"), directory.Identity, ground.NewRecords(member));
        return StateRestoration.Fill(
            store,
            saved,
            tables =>
            {
                seen(tables);
                var founded = (bump > 0 ? StateRestoration.Raised(tables, bump) : tables) with
                {
                    Config = who.Members.ToClusterConfig(),
                    Members = who.Members,
                    Alarms = new AlarmTable(),
                    Applied = default,
                };
                return founded with { Applied = new LogPosition(TermOf(founded), 1) };
            });
    }

    private static void MakeLog(MemberGround ground, DataDirectory directory, string elsewhere, LogPosition start)
    {
        using var log = WriteAheadLog.Create(
            ground.Files,
            MemberLog.PathOf(ground.Files, directory, elsewhere),
            directory.Identity,
            start,
            new HardState(start.Term, Raft.NodeId.None, start.Index),
            ground.Wal);
    }

    private static ulong TermOf(StateTables state)
    {
        var bytes = new ArrayBufferWriter<byte>();
        state.WriteTo(bytes);
        return TermMin + (Crc32C.Of(bytes.WrittenSpan) & 0xffff);
    }

    // What an earlier try has left.
    private static void Clear(IFileSystem files, string path, params string[] rooms)
    {
        foreach (var room in rooms.Select(room => Path.Join(path, room)).Where(files.DirectoryExists))
        {
            foreach (var name in files.List(room))
            {
                var inside = Path.Join(room, name);
                if (files.DirectoryExists(inside))
                {
                    Clear(files, room, name);
                }
                else
                {
                    files.Delete(inside);
                }
            }

            files.SyncDirectory(room);
        }
    }
}
