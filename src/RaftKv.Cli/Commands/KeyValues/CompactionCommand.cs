using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.KeyValues;

/// <summary><c>raftkv compaction</c></summary>
internal sealed class CompactionCommand() : ClientCommand("compaction", "REVISION", "Forget the history before a revision")
{
    private Flag<bool> _physical = null!;

    public override AnswerForms Forms => AnswerForms.Any;

    public override void AddFlags(FlagSet flags)
        => _physical = flags.Switch("physical", "Wait until the old revisions are gone from the member's disk");

    public override void Check(ParsedArguments arguments, ClientSession session) => Request(arguments);

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var request = Request(arguments);
        await session.Cluster.CallAsync(EtcdMethods.Compact, request, stop);
        session.Output.Line($"compacted revision {request.Revision}");
        return ExitCode.Success;
    }

    private CompactionRequest Request(ParsedArguments arguments)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("compaction command needs 1 argument");
        }

        try
        {
            return new CompactionRequest { Revision = GoNumber.Int64(arguments[0]), Physical = _physical.Value };
        }
        catch (FormatException wrong)
        {
            throw new CommandFailure(ExitCode.Error, $"{wrong.Message} (a revision is a whole number)", wrong);
        }
    }
}
