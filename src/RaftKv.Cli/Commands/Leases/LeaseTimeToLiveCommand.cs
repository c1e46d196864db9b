using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Leases;

/// <summary><c>raftkv lease timetolive</c></summary>
internal sealed class LeaseTimeToLiveCommand() : ClientCommand("lease timetolive", "ID", "Say how long a lease still lasts")
{
    private Flag<bool> _keys = null!;

    public override void AddFlags(FlagSet flags) => _keys = flags.Switch("keys", "Name the keys that go with the lease");

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("lease timetolive command needs lease ID as argument");
        }

        LeaseId.Parse(arguments[0]);
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var request = new LeaseTimeToLiveRequest { ID = LeaseId.Parse(arguments[0]), Keys = _keys.Value };
        var response = await session.Cluster.CallAsync(EtcdMethods.LeaseTimeToLive, request, stop, isSafeToRepeat: true);
        session.Printer.LeaseTimeToLive(response, _keys.Value);
        return ExitCode.Success;
    }
}
