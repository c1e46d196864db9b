using System.Net;
using System.Net.Sockets;
using RaftKv.Stores;

namespace RaftKv.Faults.Networks;

/// <summary>The way of all clients to one member.</summary>
internal sealed class ClientProxy(Uri member, ClientWays ways) : TcpProxy(new DnsEndPoint(member.Host, member.Port, AddressFamily.InterNetwork))
{
    protected override async Task PassAsync(Socket incoming, Socket outgoing)
    {
        await ConnectAsync(outgoing);
        var answers = new AnswerFrames();
        var isOver = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await Task.WhenAny(
            CopyAsync(incoming, outgoing, request =>
            {
                if (ways.DrawLoss(isAnswer: false) is { } wait)
                {
                    _ = EndAsync(wait, isOver);
                }

                return ValueTask.FromResult(true);
            }),

            // What was asked for went through, since it is being answered.
            CopyAsync(outgoing, incoming, piece => ValueTask.FromResult(!answers.Take(piece.Span) || ways.DrawLoss(isAnswer: true) is null)),
            isOver.Task);
    }

    // The request goes on to the member meanwhile.
    private async Task EndAsync(TimeSpan wait, TaskCompletionSource isOver)
    {
        await Task.Delay(wait, Stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        isOver.TrySetResult();
    }
}
