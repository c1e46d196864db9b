using System.Text;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;

namespace RaftKv.Raft.Tests.Scenarios;

/// <summary>
/// A member and the simplest host for it: a disk that may be slow, and a state machine that remembers what it applied.
/// </summary>
internal sealed class ScenarioNode
{
    private readonly Action<string> _write;
    private readonly RaftConfig _settings;
    private readonly RaftFaults _faults;
    private readonly Ready _ready = new();
    private readonly Queue<PendingWrite> _writes = [];

    // Durable.
    private readonly MemoryLog _log = new();
    private HardState _hardState;
    private ulong _applied;
    private ClusterConfig _config = ClusterConfig.Empty;
    private List<string> _commands = [];

    public ScenarioNode(NodeId id, RaftConfig settings, RaftFaults faults, Entry? first, Action<string> write)
    {
        Id = id;
        _write = write;
        _settings = settings;
        _faults = faults;
        if (first is { } entry)
        {
            _log.Append([entry]);
            _hardState = RaftStart.FirstHardState;
        }

        Raft = Start();
    }

    public NodeId Id { get; }

    public RaftNode Raft { get; private set; }

    public bool IsUp { get; private set; } = true;

    /// <summary>Writes are done only when the story says so.</summary>
    public bool IsDiskSlow { get; set; }

    /// <summary>What was applied, by index.</summary>
    public SortedDictionary<ulong, string> AppliedEntries { get; } = [];

    public IReadOnlyList<string> Commands => _commands;

    public MemoryLog Log => _log;

    /// <summary>Does what every Ready asks for, until there is none; hands messages to <paramref name="send"/>.</summary>
    public void CarryOut(Action<Message> send)
    {
        while (IsUp && Raft.TryTakeReady(_ready))
        {
            foreach (ref readonly var message in _ready.Messages)
            {
                send(message);
            }

            if (_ready.Write != 0)
            {
                _writes.Enqueue(new PendingWrite(_ready.Write, _ready.HardState, _ready.Snapshot, _ready.Entries));
                if (IsDiskSlow)
                {
                    _write($"{Id} starts write {_writes.Last()}");
                }
            }

            Apply(_ready.Committed.Span);
            foreach (var read in _ready.Reads)
            {
                _write($"{Id} may answer read {read.Token} at {read.Index}");
            }

            while (!IsDiskSlow && _writes.Count > 0)
            {
                FinishWrite();
            }
        }
    }

    public void FinishWrite()
    {
        var write = _writes.Dequeue();
        if (write.Snapshot is { } snapshot)
        {
            _log.Install(snapshot);
            _applied = snapshot.Position.Index;
            _config = snapshot.Config;
            _commands = [$"(state at {snapshot.Position})"];
            _write($"{Id} installs snapshot {snapshot.Position}");
        }

        _log.Append(write.Entries.Span);
        _hardState = write.HardState ?? _hardState;
        if (IsDiskSlow)
        {
            _write($"{Id} finishes write {write.Number}");
        }

        Raft.OnPersisted(write.Number);
    }

    public bool HasWrites => _writes.Count > 0;

    public void Compact(ulong index)
    {
        _log.TryGetTerm(index, out var term);
        _log.Offer(new Snapshot(new LogPosition(term, index), ConfigAt(index)));
        _log.Compact(index);
    }

    /// <summary>Loses everything but what is durable.</summary>
    public void Crash()
    {
        IsUp = false;
        _writes.Clear();
    }

    public void Restart()
    {
        IsUp = true;
        Raft = Start();
    }

    public string DescribeLog()
    {
        var text = new StringBuilder();
        foreach (var entry in _log.Entries)
        {
            text.Append(text.Length > 0 ? " " : "").Append(entry.Position);
            var words = Words(entry);
            text.Append(words.Length > 0 ? $"={words}" : "");
        }

        return $"{Id}: {(_log.Start == LogPosition.Zero ? "" : $"({_log.Start}) ")}{text}";
    }

    private RaftNode Start()
        => new(new RaftStart
        {
            Self = Id,
            Log = _log,
            HardState = _hardState,
            Applied = _applied,
            Config = _config,
            Chance = new Chance(Id.Value),
            Settings = _settings,
            Faults = _faults,
            Observer = new TranscriptObserver(Id, _write),
        });

    private void Apply(ReadOnlySpan<Entry> committed)
    {
        foreach (ref readonly var entry in committed)
        {
            _applied = entry.Index;
            var words = Words(entry);
            AppliedEntries[entry.Index] = $"{entry.Term} {words}";
            if (entry.Kind == EntryKind.ConfigChange)
            {
                ConfigChange.TryDecode(entry.Payload, out var change);
                _config.TryChange(change, out _config, out _);
            }
            else if (words.Length > 0)
            {
                _commands.Add(words);
                _write($"{Id} applies {entry.Position} {words}");
            }
        }

        if (!committed.IsEmpty)
        {
            Raft.OnApplied(_applied);
        }
    }

    private ClusterConfig ConfigAt(ulong index)
    {
        var config = _log.LatestSnapshot()?.Config ?? ClusterConfig.Empty;
        var from = _log.LatestSnapshot()?.Position.Index ?? 0;
        foreach (var entry in _log.Entries)
        {
            if (entry.Kind == EntryKind.ConfigChange && entry.Index > from && entry.Index <= index)
            {
                ConfigChange.TryDecode(entry.Payload, out var change);
                config.TryChange(change, out config, out _);
            }
        }

        return config;
    }

    private static string Words(in Entry entry)
    {
        if (entry.Kind == EntryKind.ConfigChange)
        {
            ConfigChange.TryDecode(entry.Payload, out var change);
            return $"[{change}]";
        }

        return Encoding.UTF8.GetString(entry.Payload.Span);
    }

    private sealed record PendingWrite(ulong Number, HardState? HardState, Snapshot? Snapshot, ReadOnlyMemory<Entry> Entries)
    {
        public override string ToString()
        {
            var text = new StringBuilder().Append(Number).Append(':');
            if (Snapshot is not null)
            {
                text.Append(" snapshot ").Append(Snapshot.Position);
            }

            if (HardState is { } state)
            {
                text.Append(" term=").Append(state.Term).Append(" vote=").Append(state.Vote).Append(" commit=").Append(state.Commit);
            }

            foreach (var entry in Entries.Span)
            {
                text.Append(' ').Append(entry.Position);
            }

            return text.ToString();
        }
    }
}
