using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Server.Bootstrap;
using RaftKv.Storage.Backups;
using RaftKv.Storage.Files;

namespace RaftKv.Cli.Commands.Maintenance;

/// <summary><c>raftkv recover --from-survivor</c></summary>
internal sealed class RecoverCommand()
    : ClientCommand("recover", "", "After most members are lost for good: make a cluster of the one that is left")
{
    private Flag<bool> _fromSurvivor = null!;
    private Flag<string> _dataDir = null!;
    private Flag<string> _walDir = null!;
    private Flag<bool> _isDryRun = null!;
    private Flag<bool> _dropsUncommitted = null!;
    private Flag<long> _bump = null!;

    public override AnswerForms Forms => AnswerForms.Any;

    public override void AddFlags(FlagSet flags)
    {
        _fromSurvivor = flags.Switch("from-survivor", "The members that are not named here are lost, and none of them will be started again");
        _dataDir = flags.Text("data-dir", "FOLDER", "The survivor's; it must not run");
        _walDir = flags.Text("wal-dir", "FOLDER", "Where its log lies [in its data directory]");
        _isDryRun = flags.Switch("dry-run", "Say what would be done, and change nothing");
        _dropsUncommitted = flags.Switch("drop-uncommitted", "Leave out what the survivor does not know to be committed, as etcd does; clients may have been told that it is");
        _bump = flags.Number("bump-revision", $"By how much revisions are raised, so that none is handed out twice [{StateRestoration.DefaultBump}]");
    }

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count > 0)
        {
            throw CommandFailure.BadArguments("recover takes flags only");
        }

        if (!_fromSurvivor.Value)
        {
            throw CommandFailure.BadArguments(
                "say what to recover from: --from-survivor, with the --data-dir of the one member that is left. While most members are there, or can be started, do that instead: nothing is lost by it");
        }

        if (_dataDir.Value.Length == 0)
        {
            throw CommandFailure.BadArguments("--data-dir is missing: where the survivor's data lies");
        }
    }

    public override Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        try
        {
            var report = SurvivorRecovery.Run(new RecoveryOptions
            {
                DataDirectory = _dataDir.Value,
                WalDirectory = _walDir.Value,
                IsDryRun = _isDryRun.Value,
                DropsUncommitted = _dropsUncommitted.Value,
                Bump = _bump.IsSet ? _bump.Value : StateRestoration.DefaultBump,
            });
            Tell(report, session.Output);
            return Task.FromResult(ExitCode.Success);
        }
        catch (Exception refused) when (refused is StorageException or BootstrapException or IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCode.Error, refused.Message, refused);
        }
    }

    private void Tell(RecoveryReport report, AnswerWriter output)
    {
        output.Line($"survivor    member {report.Self} of cluster {report.OldClusterId:x16}, in {report.Path}");
        output.Line($"log         term {report.Term}, committed up to {report.Committed} as far as it knows, ends at {report.Last}");
        output.Line(report.Last <= report.Committed
            ? "uncommitted none"
            : $"uncommitted {report.Last - report.Committed} entries, which are {(_dropsUncommitted.Value ? "dropped: writes among them may have been acknowledged" : "kept: some may have been acknowledged, and the others do no harm")}");
        output.Line($"revision    {report.SavedRevision}; goes on after {report.Revision}, and nothing before can be read or watched");
        foreach (var member in report.Dropped)
        {
            output.Line($"dropped     member {member.Id} {(member.Name.Length > 0 ? $"'{member.Name}'" : "(never started)")} at {string.Join(',', member.PeerUrls)}");
        }

        output.Line("lost        writes that the dropped members acknowledged and the survivor never received; how many, nobody can tell");
        if (!report.IsDone)
        {
            output.Line("Nothing was changed. Without --dry-run, this member becomes a cluster of its own.");
            return;
        }

        output.Line($"cluster     {report.ClusterId:x16}, new: dropped members that come back are not listened to");
        output.Line("Done. Start it with the flags it had. Then, for each other member: 'raftkv member add', an empty data directory, and");
        output.Line("--initial-cluster-state existing. Clients must be told no longer to use the dropped members.");
    }
}
