using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace RaftKv.Server.Peers;

/// <summary>A connection that was made with TLS and speaks HTTP, as Kestrel takes it over.</summary>
internal sealed class StrangerContext : DefaultConnectionContext
{
    private static readonly StreamPipeWriterOptions Borrowed = new(leaveOpen: true);

    private readonly IncomingLine _line;
    private readonly PipeWriter _output;

    public StrangerContext(IncomingLine line)
        : base(Guid.NewGuid().ToString("N"))
    {
        _line = line;
        line.LetGoOfThread();
        _output = PipeWriter.Create(line.Stream, Borrowed);
        Transport = new Pipes(line.Input, _output);
        RemoteEndPoint = line.Remote;
        LocalEndPoint = line.Local;
    }

    public override void Abort(ConnectionAbortedException abortReason)
    {
        _line.Close(isAbrupt: true);
        base.Abort(abortReason);
    }

    public override async ValueTask DisposeAsync()
    {
        try
        {
            await _output.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // It did not wait for the end of the answer.
        }

        _line.Dispose();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private sealed class Pipes(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
