using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Protocol.Etcd;
using static RaftKv.Protocol.Etcd.DowngradeRequest.Types;

namespace RaftKv.Cli.Commands.Maintenance;

/// <summary><c>raftkv downgrade validate|enable|cancel</c>: whether, and that, a cluster is to go back to the version before.</summary>
internal abstract class DowngradeCommand(string verb, DowngradeAction action, string what)
    : ClientCommand($"downgrade {verb}", action == DowngradeAction.Cancel ? "" : "VERSION", what)
{
    public override AnswerForms Forms => AnswerForms.Any;

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        var needsVersion = action != DowngradeAction.Cancel;
        if (arguments.Count != (needsVersion ? 1 : 0))
        {
            throw CommandFailure.BadArguments(needsVersion
                ? "the version to go back to is missing, or there is more: TARGET_VERSION as in 3.5"
                : "downgrade cancel command takes no arguments");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var request = new DowngradeRequest { Action = action, Version = arguments.Count > 0 ? arguments[0] : "" };
        var response = await session.Cluster.CallAsync(EtcdMethods.Downgrade, request, stop);
        session.Printer.Changed(response, response.Header, $"Downgrade {verb} success, cluster version {response.Version}");
        return ExitCode.Success;
    }
}

internal sealed class DowngradeValidateCommand()
    : DowngradeCommand("validate", DowngradeAction.Validate, "Ask whether the cluster could go back to a version");

internal sealed class DowngradeEnableCommand()
    : DowngradeCommand("enable", DowngradeAction.Enable, "Begin to go back to a version, where members can");

internal sealed class DowngradeCancelCommand()
    : DowngradeCommand("cancel", DowngradeAction.Cancel, "Go back to no version after all");
