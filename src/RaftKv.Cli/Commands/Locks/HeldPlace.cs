using Google.Protobuf;
using RaftKv.Client;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Locks;

/// <summary>The first place in a line of locks or candidates, from when it is reached until this is disposed of.</summary>
internal sealed class HeldPlace(ClientSession session) : IAsyncDisposable
{
    private readonly RaftKvClient _client = session.CreateClient();
    private LockHandle? _held;

    /// <exception cref="CommandFailure">It was not reached.</exception>
    public async Task<LockHandle> WaitAsync(KvBytes name, LockOptions options, CancellationToken stop)
    {
        try
        {
            return _held = await _client.AcquireLockAsync(name, options, stop);
        }
        catch (OperationCanceledException interrupted) when (stop.IsCancellationRequested)
        {
            throw new CommandFailure(ExitCode.Error, "context canceled: told to stop while waiting", interrupted);
        }
        catch (RaftKvException failure)
        {
            throw new CommandFailure(ExitCode.Error, failure.Message, failure);
        }
    }

    /// <summary>Prints the holder's key and what it says about itself.</summary>
    public async Task ShowAsync(CancellationToken stop)
    {
        var request = new RangeRequest { Key = UnsafeByteOperations.UnsafeWrap(_held!.Key) };
        var response = await session.Cluster.CallAsync(EtcdMethods.Range, request, stop, isSafeToRepeat: true);
        if (response.Kvs.Count == 0)
        {
            throw new CommandFailure(ExitCode.Error, "lock lost on init");
        }

        session.Printer.Get(response, isValueOnly: false);
        session.Output.Flush();
    }

    /// <summary>Returns when told to stop.</summary>
    /// <exception cref="CommandFailure">The place was lost before that.</exception>
    public async Task<int> KeepAsync(Interruption interruption)
    {
        var lost = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var onLost = _held!.Lost.Register(lost.SetResult);
        return await Task.WhenAny(interruption.Happened, lost.Task) == lost.Task
            ? throw new CommandFailure(ExitCode.Error, "session expired")
            : ExitCode.Success;
    }

    public async ValueTask DisposeAsync()
    {
        if (_held is not null)
        {
            await _held.DisposeAsync();
        }

        await _client.DisposeAsync();
    }
}
