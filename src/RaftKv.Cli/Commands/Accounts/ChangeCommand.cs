using Google.Protobuf;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Cli.Commands.Accounts;

/// <summary>A command that changes something about users or roles, and needs nothing but names for it.</summary>
/// <param name="name">Of the command.</param>
/// <param name="arguments">As help texts show them.</param>
/// <param name="description">What it is for.</param>
/// <param name="count">How many names it takes.</param>
/// <param name="missing">What to say if there are more or fewer.</param>
internal abstract class ChangeCommand<TRequest, TResponse>(string name, string arguments, string description, int count, string missing)
    : ClientCommand(name, arguments, description)
    where TResponse : IMessage
{
    protected abstract RpcMethod<TRequest, TResponse> Method { get; }

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != count)
        {
            throw CommandFailure.BadArguments(missing);
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var response = await session.Cluster.CallAsync(Method, Request(arguments), stop);
        session.Printer.Changed(response, HeaderOf(response), Words(arguments));
        return ExitCode.Success;
    }

    protected abstract TRequest Request(ParsedArguments arguments);

    protected abstract ResponseHeader HeaderOf(TResponse response);

    /// <summary>What was done, in etcdctl's words.</summary>
    protected abstract string Words(ParsedArguments arguments);
}
