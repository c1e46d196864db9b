using System.Diagnostics;
using Google.Protobuf;
using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Cli.Commands.Endpoints;

/// <summary><c>raftkv endpoint health</c></summary>
internal sealed class EndpointHealthCommand() : ClientCommand("endpoint health", "", "Say whether each member takes part in the cluster")
{
    // Any key does: the read has to be agreed on by the cluster.
    private static readonly ByteString Key = ByteString.CopyFromUtf8("health");

    private EndpointsAsked _asked = null!;

    public override AnswerForms Forms => AnswerForms.Members;

    public override void AddFlags(FlagSet flags) => _asked = new EndpointsAsked(flags);

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var endpoints = await _asked.ListAsync(session, stop);
        var answers = await Task.WhenAll(endpoints.Select(endpoint => ExamineAsync(endpoint, session.Cluster, stop)));
        session.Printer.Health(answers);
        session.Output.Flush();
        if (session.IsSimple)
        {
            foreach (var sick in answers.Where(answer => !answer.IsHealthy))
            {
                await session.Console.Error.WriteLineAsync($"{sick.Endpoint} is unhealthy: failed to commit proposal: {sick.Problem}");
            }
        }

        return answers.All(answer => answer.IsHealthy) ? ExitCode.Success : throw new CommandFailure(ExitCode.Error, "unhealthy cluster");
    }

    private static async Task<EndpointHealth> ExamineAsync(Endpoint endpoint, ClusterConnection cluster, CancellationToken stop)
    {
        var started = Stopwatch.GetTimestamp();
        await using var member = cluster.At(endpoint);
        var problem = await ProblemAsync(member, stop);
        return new EndpointHealth(endpoint.Text, problem.Length == 0, Stopwatch.GetElapsedTime(started), problem);
    }

    private static async Task<string> ProblemAsync(ClusterConnection member, CancellationToken stop)
    {
        try
        {
            await member.CallAsync(EtcdMethods.Range, new RangeRequest { Key = Key }, stop, isSafeToRepeat: true);
        }
        catch (ConnectionFailure failure) when (failure.Code == RpcStatusCode.PermissionDenied)
        {
            // Whether this user may read it has been agreed on, and that is what counts.
        }
        catch (ConnectionFailure failure)
        {
            return failure.Message;
        }

        try
        {
            var response = await member.CallAsync(EtcdMethods.Alarm, new AlarmRequest(), stop, isSafeToRepeat: true);
            return response.Alarms.Count == 0
                ? ""
                : $"Active Alarm(s): {string.Join(", ", response.Alarms.Select(alarm => alarm.Alarm.ToString().ToUpperInvariant()))}";
        }
        catch (ConnectionFailure)
        {
            return "Unable to fetch the alarm list";
        }
    }
}
