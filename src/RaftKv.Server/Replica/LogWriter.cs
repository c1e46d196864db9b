using System.Runtime.InteropServices;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

namespace RaftKv.Server.Replica;

/// <summary>What the replica wants written, in the order of its numbers.</summary>
/// <param name="Number">The core's; 0 for a request to compact.</param>
/// <param name="HardState">If it changes.</param>
/// <param name="Installed">If a state from another member takes the place of the log: where it stands. It is durable.</param>
/// <param name="Entries">To be written.</param>
/// <param name="CompactThrough">The log may be forgotten up to here.</param>
public readonly record struct LogWrite(
    ulong Number,
    HardState? HardState,
    LogPosition? Installed,
    ReadOnlyMemory<Entry> Entries,
    ulong? CompactThrough);

/// <summary>
/// Makes the log durable: everything that has queued up while the disk was at work is written as one batch with one sync.
/// The way a group commit comes about by itself.
/// </summary>
public sealed class LogWriter : IStage
{
    private readonly WriteAheadLog _log;
    private readonly IDoorbell _bell;
    private readonly Inbox<ReplicaInput> _replica;
    private readonly List<LogWrite> _queue = [];
    private readonly List<Entry> _merged = [];
    private List<LogWrite> _taken = [];
    private ulong? _compactThrough;
    private volatile bool _isDiskFull;

    public LogWriter(WriteAheadLog log, IDoorbell bell, Inbox<ReplicaInput> replica)
    {
        _log = log;
        _bell = bell;
        _replica = replica;
        Inbox = new Inbox<LogWrite>(bell);
    }

    public string Name => "log writer";

    public Inbox<LogWrite> Inbox { get; }

    /// <summary>Whether the disk has refused for lack of room. It is asked again with the next run. Any thread may read
    /// it.</summary>
    public bool IsDiskFull => _isDiskFull;

    /// <summary>Time has passed: there may be room again. Nothing new need ever be written, for the others wait for what is
    /// waiting here.</summary>
    public void Tick()
    {
        if (_isDiskFull)
        {
            _bell.Ring();
        }
    }

    public bool Run()
    {
        if (Inbox.TryTake(ref _taken))
        {
            foreach (var write in _taken)
            {
                if (write.CompactThrough is { } through)
                {
                    _compactThrough = through;
                }
                else
                {
                    _queue.Add(write);
                }
            }
        }

        if (_queue.Count > 0)
        {
            try
            {
                WriteNext();
                _isDiskFull = false;
            }
            catch (DiskFullException)
            {
                // A definite refusal: nothing was written, and the queue stays as it is. Compaction may make room.
                _isDiskFull = true;
                return Compact();
            }

            return true;
        }

        // Room for what comes next is made ready while there is nothing to write.
        return Compact() || _log.Prepare();
    }

    private bool Compact()
    {
        if (_compactThrough is not { } through)
        {
            return false;
        }

        _compactThrough = null;
        if (_log.TryGetTerm(through, out var term))
        {
            _log.Compact(new LogPosition(term, through));
        }

        return true;
    }

    private void WriteNext()
    {
        // The log begins anew behind an installed state, so nothing is merged across it.
        var count = 1;
        while (count < _queue.Count && _queue[count].Installed is null)
        {
            count++;
        }

        HardState? hardState = null;
        _merged.Clear();
        for (var i = 0; i < count; i++)
        {
            hardState = _queue[i].HardState ?? hardState;
            Merge(_queue[i].Entries.Span);
        }

        _log.Append(new WalBatch
        {
            Reset = _queue[0].Installed,
            HardState = hardState,
            Entries = CollectionsMarshal.AsSpan(_merged),
        });
        var number = _queue[count - 1].Number;
        _queue.RemoveRange(0, count);
        _replica.Post(ReplicaInput.Persisted(number));
    }

    private void Merge(ReadOnlySpan<Entry> entries)
    {
        if (entries.IsEmpty)
        {
            return;
        }

        // What a later write replaces need not be written at all.
        while (_merged.Count > 0 && _merged[^1].Index >= entries[0].Index)
        {
            _merged.RemoveAt(_merged.Count - 1);
        }

        Invariant.Holds(_merged.Count == 0 || _merged[^1].Index + 1 == entries[0].Index);
        _merged.AddRange(entries);
    }
}
