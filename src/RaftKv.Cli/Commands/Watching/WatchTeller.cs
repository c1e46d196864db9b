using System.Globalization;
using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;

namespace RaftKv.Cli.Commands.Watching;

/// <summary>Prints what watches tell, one response at a time, and runs their programs.</summary>
internal sealed class WatchTeller(ClientSession session) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>Ends when a member cancels the watch.</summary>
    public async Task TellAsync(WatchOrder order, ResumingWatch watch, CancellationToken stop)
    {
        await foreach (var response in watch.RunAsync(stop))
        {
            await _turn.WaitAsync(stop);
            try
            {
                await TellAsync(order, response, stop);
            }
            finally
            {
                _turn.Release();
            }
        }
    }

    public void Dispose() => _turn.Dispose();

    private async Task TellAsync(WatchOrder order, WatchResponse response, CancellationToken stop)
    {
        if (response.Canceled)
        {
            await session.Console.Error.WriteLineAsync($"watch was canceled ({Reason(response)})");
        }
        else if (response.Events.Count == 0)
        {
            session.Output.Line($"progress notify: {response.Header.Revision}");
        }

        session.Printer.Watch(response);
        session.Output.Flush();
        if (order.Program.Count > 0)
        {
            foreach (var change in response.Events)
            {
                await RunProgramAsync(order.Program, change, response.Header.Revision, stop);
            }
        }
    }

    private static string Reason(WatchResponse response) => response switch
    {
        { CompactRevision: not 0 } => "etcdserver: mvcc: required revision has been compacted",
        { CancelReason.Length: > 0 } => response.CancelReason,
        _ => "etcdserver: mvcc: required revision is a future revision",
    };

    private static async Task RunProgramAsync(IReadOnlyList<string> program, Event change, long revision, CancellationToken stop)
    {
        var called = new CalledProgram(
            program,
            ("ETCD_WATCH_REVISION", revision.ToString(CultureInfo.InvariantCulture)),
            ("ETCD_WATCH_EVENT_TYPE", change.Type == Event.Types.EventType.Delete ? "\"DELETE\"" : "\"PUT\""),
            ("ETCD_WATCH_KEY", GoQuoted.Of(change.Kv.Key.Span)),
            ("ETCD_WATCH_VALUE", GoQuoted.Of(change.Kv.Value.Span)));
        if (await called.RunAsync(stop) is not 0 and var code)
        {
            throw new CommandFailure(ExitCode.Error, $"{called.Text} error (exit status {code})");
        }
    }
}
