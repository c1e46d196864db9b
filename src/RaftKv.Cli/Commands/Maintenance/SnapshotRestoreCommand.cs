using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Cli.Commands.Text;
using RaftKv.Cli.Serve;
using RaftKv.Server.Bootstrap;
using RaftKv.Storage.Backups;
using RaftKv.Storage.Files;
using RaftKv.Storage.Snapshots;

namespace RaftKv.Cli.Commands.Maintenance;

/// <summary><c>raftkv snapshot restore</c></summary>
internal sealed class SnapshotRestoreCommand()
    : ClientCommand("snapshot restore", "FILE", "Make the data directory of a member of a new cluster from a snapshot, of RaftKv or of etcd")
{
    private Flag<string> _dataDir = null!;
    private Flag<string> _walDir = null!;
    private Flag<string> _name = null!;
    private ListFlag _cluster = null!;
    private Flag<string> _token = null!;
    private ListFlag _peerUrls = null!;
    private Flag<bool> _skipSum = null!;
    private Flag<long> _bump = null!;
    private Flag<bool> _isCompacted = null!;

    public override AnswerForms Forms => AnswerForms.Any;

    public override void AddFlags(FlagSet flags)
    {
        _dataDir = flags.Text("data-dir", "FOLDER", "Where the member's data goes; empty, or not there yet [NAME.raftkv]");
        _walDir = flags.Text("wal-dir", "FOLDER", "Where its log goes, for a disk of its own; empty, or not there yet [in its data directory]");
        _name = flags.Text("name", "NAME", "What the member is called [default]", "default");
        _cluster = flags.List("initial-cluster", "a=URL,...", "All members of the new cluster; each is restored from the same file [this one alone]");
        _token = flags.Text("initial-cluster-token", "TOKEN", "Tells clusters with the same addresses apart [etcd-cluster]", "etcd-cluster");
        _peerUrls = flags.List("initial-advertise-peer-urls", "URL,...", "Where the other members find it [as --initial-cluster says, or http://localhost:2380]");
        _skipSum = flags.Switch("skip-hash-check", "The file has no sum at its end, like a copy of etcd's member/snap/db");
        _bump = flags.Number("bump-revision", $"By how much revisions are raised, so that none is handed out twice [{StateRestoration.DefaultBump}]");
        _isCompacted = flags.Switch("mark-compacted", "Everything before is compacted, so that watchers learn of it; always so, unless --bump-revision is 0", value: true);
        flags.Number("initial-memory-map-size", "Nothing here: no file is mapped into memory");
    }

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("snapshot restore requires exactly one argument");
        }

        if (_bump.IsSet && _bump.Value < 0)
        {
            throw CommandFailure.BadArguments("--bump-revision is negative: revisions can only be raised");
        }

        var keepsRevisions = _bump.IsSet && _bump.Value == 0;
        if (keepsRevisions == _isCompacted.Value)
        {
            throw CommandFailure.BadArguments(keepsRevisions
                ? "--bump-revision 0 hands out revisions again that clients of the old cluster may remember: say that none will come, with --mark-compacted=false"
                : "--mark-compacted=false goes with --bump-revision 0: with raised revisions, the history before them must not be read");
        }
    }

    public override Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var (members, problems) = UrlLists.Cluster(_cluster.Values);
        var (peerUrls, more) = UrlLists.Urls(_peerUrls.Values);
        if (problems.Concat(more).FirstOrDefault() is { } problem)
        {
            throw CommandFailure.BadArguments(problem);
        }

        try
        {
            var report = Restoration.Run(new RestorationOptions
            {
                Snapshot = arguments[0],
                Name = _name.Value,
                DataDirectory = _dataDir.Value,
                WalDirectory = _walDir.Value,
                InitialCluster = members,
                ClusterToken = _token.Value,
                AdvertisePeerUrls = peerUrls,
                SkipsSum = _skipSum.Value,
                Bump = _bump.IsSet ? _bump.Value : StateRestoration.DefaultBump,
            });
            Tell(report, arguments[0], session);
            return Task.FromResult(ExitCode.Success);
        }
        catch (SnapshotDamagedException damaged)
        {
            throw new CommandFailure(ExitCode.Error, $"{arguments[0]}: {damaged.Message}", damaged);
        }
        catch (Exception refused) when (refused is StorageException or BootstrapException or IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCode.Error, refused.Message, refused);
        }
    }

    private void Tell(RestorationReport report, string file, ClientSession session)
    {
        foreach (var alarm in report.DroppedAlarms)
        {
            session.Console.Error.WriteLine($"An alarm of the old cluster was dropped: {alarm.Kind} of its member {alarm.Member}.");
        }

        if (report.IsAuthEnabled)
        {
            session.Console.Error.WriteLine("Authentication is on, as it was in the old cluster: clients need its users and passwords.");
        }

        session.Output.Line($"Restored {file} to {report.Path}");
        session.Output.Line($"member '{_name.Value}' {report.Self} of cluster {report.ClusterId:x16}");
        session.Output.Line(report.Revision == report.SavedRevision
            ? $"revisions go on after {report.Revision}, and history was kept: let no client of the old cluster come to this one"
            : $"revisions go on after {report.Revision} (the snapshot ends with {report.SavedRevision}); nothing before can be read or watched");
        var cluster = _cluster.Values.Count > 0 ? $" --initial-cluster {CommandWords.Quoted(string.Join(',', _cluster.Values))}" : "";
        var wal = _walDir.Value.Length > 0 ? $" --wal-dir {CommandWords.Quoted(Path.GetFullPath(_walDir.Value))}" : "";
        session.Output.Line($"start it with: raftkv --name {CommandWords.Quoted(_name.Value)} --data-dir {CommandWords.Quoted(report.Path)}{wal}{cluster}");
    }
}
