using System.Runtime.ExceptionServices;
using RaftKv.Raft;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Records.Faster;

/// <summary>A checkpoint as the device sees it: everything between two addresses.</summary>
internal sealed class DeviceCheckpoint(long begin, long end) : IRecordCheckpoint
{
    private readonly object _gate = new();
    private byte[]? _token;
    private StorageException? _failure;

    public long Begin { get; } = begin;

    public long End { get; } = end;

    public bool IsOver => Volatile.Read(ref _token) is not null || Volatile.Read(ref _failure) is not null;

    public ReadOnlyMemory<byte> Token
    {
        get
        {
            Invariant.Holds(IsDurable);
            return _token;
        }
    }

    public bool IsDurable
    {
        get
        {
            if (Volatile.Read(ref _failure) is { } failure)
            {
                ExceptionDispatchInfo.Throw(failure);
            }

            return Volatile.Read(ref _token) is not null;
        }
    }

    public void Wait()
    {
        lock (_gate)
        {
            while (!IsDurable)
            {
                Monitor.Wait(_gate);
            }
        }
    }

    public void Succeed(byte[] token)
    {
        lock (_gate)
        {
            Volatile.Write(ref _token, token);
            Monitor.PulseAll(_gate);
        }
    }

    public void Fail(StorageException failure)
    {
        lock (_gate)
        {
            Volatile.Write(ref _failure, failure);
            Monitor.PulseAll(_gate);
        }
    }
}
