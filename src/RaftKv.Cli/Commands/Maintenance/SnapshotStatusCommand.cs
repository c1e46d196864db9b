using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Storage.Backups;
using RaftKv.Storage.Files;
using RaftKv.Storage.Snapshots;

namespace RaftKv.Cli.Commands.Maintenance;

/// <summary><c>raftkv snapshot status</c></summary>
internal sealed class SnapshotStatusCommand() : ClientCommand("snapshot status", "FILE", "Check a snapshot, of RaftKv or of etcd, and say what is in it")
{
    private Flag<bool> _skipSum = null!;

    public override AnswerForms Forms => AnswerForms.Members;

    public override void AddFlags(FlagSet flags)
        => _skipSum = flags.Switch("skip-hash-check", "The file has no sum at its end, like a copy of etcd's member/snap/db");

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("snapshot status requires exactly one argument");
        }
    }

    public override Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        try
        {
            using var saved = SavedState.Open(new PhysicalFileSystem(), arguments[0]);
            if (!_skipSum.Value)
            {
                saved.CheckSum();
            }

            saved.Read(static (_, _) => { }, out var facts);
            session.Printer.Snapshot(facts);
            return Task.FromResult(ExitCode.Success);
        }
        catch (SnapshotDamagedException damaged)
        {
            throw new CommandFailure(ExitCode.Error, $"{arguments[0]}: {damaged.Message}", damaged);
        }
        catch (StorageException refused)
        {
            throw new CommandFailure(ExitCode.Error, refused.Message, refused);
        }
    }
}
