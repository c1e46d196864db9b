using System.Runtime.InteropServices;

namespace RaftKv.Cli.Commands;

/// <summary>
/// A command that gives something back when it is told to stop: Ctrl-C and SIGTERM, or the caller's token, cancel
/// <see cref="Token"/> instead of ending the process.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source;
    private readonly PosixSignalRegistration[] _signals;
    private readonly TaskCompletionSource _happened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenRegistration _tells;

    public Interruption(CancellationToken stop)
    {
        _source = CancellationTokenSource.CreateLinkedTokenSource(stop);
        _tells = _source.Token.Register(_happened.SetResult);
        _signals = [PosixSignalRegistration.Create(PosixSignal.SIGINT, Take), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Take)];
    }

    public CancellationToken Token => _source.Token;

    /// <summary>Ends when it has happened.</summary>
    public Task Happened => _happened.Task;

    public void Dispose()
    {
        foreach (var signal in _signals)
        {
            signal.Dispose();
        }

        _tells.Dispose();
        _source.Dispose();
    }

    private void Take(PosixSignalContext signal)
    {
        signal.Cancel = true;
        _source.Cancel();
    }
}
