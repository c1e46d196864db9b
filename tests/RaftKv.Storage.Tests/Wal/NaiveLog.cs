using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.Wal;

namespace RaftKv.Storage.Tests.Wal;

/// <summary>What a log should hold, kept in the most obvious way. Immutable, so that a test can keep the state before
/// and the state after.</summary>
internal sealed record NaiveLog(LogPosition Start, HardState HardState, Entry[] Entries)
{
    public static readonly NaiveLog Empty = new(LogPosition.Zero, HardState.Empty, []);

    public LogPosition Last => Entries.Length > 0 ? Entries[^1].Position : Start;

    public static Entry NewEntry(ulong term, ulong index, int payloadBytes, byte fill = 0)
    {
        var payload = new byte[payloadBytes];
        for (var i = 0; i < payload.Length; i++)
        {
            payload[i] = (byte)((term * 31) + (index * 7) + (ulong)i + fill);
        }

        return new Entry(term, index, index % 5 == 0 ? EntryKind.ConfigChange : EntryKind.Command, payload);
    }

    public NaiveLog Append(HardState? hardState, params Entry[] entries)
    {
        var kept = entries.Length == 0
            ? Entries
            : Entries.TakeWhile(entry => entry.Index < entries[0].Index).Concat(entries).ToArray();
        return this with { HardState = hardState ?? HardState, Entries = kept };
    }

    public NaiveLog Compact(ulong through)
        => this with
        {
            Start = Entries.Single(entry => entry.Index == through).Position,
            Entries = Entries.Where(entry => entry.Index > through).ToArray(),
        };

    public NaiveLog Reset(LogPosition to) => this with { Start = to, Entries = [] };

    /// <summary>Whether a log holds exactly this, read entry by entry and all at once.</summary>
    public string? DifferenceTo(WriteAheadLog log)
    {
        if (log.Start != Start || log.Last != Last)
        {
            return $"expected {Start} to {Last}, but the log has {log.Start} to {log.Last}";
        }

        if (log.HardState != HardState)
        {
            return $"expected {HardState}, but the log has {log.HardState}";
        }

        if (!log.TryGetTerm(Start.Index, out var startTerm) || startTerm != Start.Term)
        {
            return $"the term of the start must be {Start.Term}, but is {startTerm}";
        }

        if (log.TryGetTerm(Last.Index + 1, out _))
        {
            return "there is a term after the last entry";
        }

        if (Entries.Length == 0)
        {
            return null;
        }

        if (log.Read(Entries[0].Index, Last.Index, long.MaxValue, out var read) != WalRead.Found
            || read.Length != Entries.Length)
        {
            return $"expected {Entries.Length} entries, but read {read.Length}";
        }

        for (var i = 0; i < Entries.Length; i++)
        {
            if (!log.TryGetTerm(Entries[i].Index, out var term) || term != Entries[i].Term)
            {
                return $"the term of {Entries[i]} is {term}";
            }

            if (!AreSame(Entries[i], read.Span[i]))
            {
                return $"expected {Entries[i]}, but read {read.Span[i]}";
            }
        }

        return null;
    }

    private static bool AreSame(in Entry one, in Entry other)
        => one.Position == other.Position
            && one.Kind == other.Kind
            && one.Payload.Span.SequenceEqual(other.Payload.Span);
}

/// <summary>One thing done to a log and to its model alike.</summary>
internal sealed record WalStep(string Name, Action<WriteAheadLog> Do, Func<NaiveLog, NaiveLog> Model)
{
    public static WalStep Append(HardState? hardState, params Entry[] entries)
        => new(
            $"append {hardState} and {entries.Length} entries",
            log => log.Append(new WalBatch { HardState = hardState, Entries = entries }),
            model => model.Append(hardState, entries));

    public static WalStep Compact(ulong term, ulong index)
        => new(
            $"compact {term}/{index}",
            log => log.Compact(new LogPosition(term, index)),
            model => model.Compact(index));

    public static WalStep Reset(LogPosition to, HardState hardState, params Entry[] entries)
        => new(
            $"reset to {to}",
            log => log.Append(new WalBatch { Reset = to, HardState = hardState, Entries = entries }),
            model => model.Reset(to).Append(hardState, entries));

    public static WalStep Prepare()
        => new("prepare", log => { while (log.Prepare(4096)) { } }, model => model);

    /// <summary>Something that may be done to such a log next.</summary>
    /// <param name="model">As it is now.</param>
    /// <param name="chance">Draws.</param>
    /// <param name="lone">What an almost empty payload holds. If it is a single bit, and its sector is what a power cut
    /// takes, nobody can tell that from a flipped bit, and recovery rightly refuses.</param>
    public static WalStep Draw(NaiveLog model, Chance chance, byte lone = 1)
    {
        var state = model.HardState;
        switch (chance.Below(12))
        {
            case 0 when model.Entries.Length > 0:
                var through = model.Entries[chance.Below(model.Entries.Length)];
                return Compact(through.Term, through.Index);
            case 1:
                return Prepare();
            case 2 when chance.Happens(new Ratio(1, 4)):
                var term = Math.Max(model.Last.Term, state.Term) + 1;
                var to = new LogPosition(term, model.Last.Index + (ulong)chance.Between(1, 20));
                return Reset(to, new HardState(term, NodeId.None, to.Index));
            case 3:
                return Append(NextState(model, chance));
            case 4 or 5 when model.Last.Index > state.Commit && model.Entries.Length > 0:
                // A new leader overwrites what was not committed.
                var from = Math.Max(state.Commit, model.Start.Index) + 1;
                from += (ulong)chance.Below((long)(model.Last.Index - from + 1));
                var newTerm = Math.Max(model.Last.Term, state.Term) + 1;
                return Append(
                    new HardState(newTerm, NodeId.None, state.Commit), DrawEntries(newTerm, from, chance, lone));
            default:
                var current = Math.Max(1, Math.Max(state.Term, model.Last.Term));
                return Append(
                    chance.CoinToss() ? NextState(model, chance) with { Term = current, Vote = state.Term == current ? state.Vote : NodeId.None } : null,
                    DrawEntries(current, model.Last.Index + 1, chance, lone));
        }
    }

    private static HardState NextState(NaiveLog model, Chance chance)
    {
        var state = model.HardState;
        var commit = Math.Max(state.Commit, model.Start.Index);
        commit += (ulong)chance.Below((long)(Math.Max(model.Last.Index, commit) - commit + 1));
        return chance.Below(3) == 0
            ? new HardState(state.Term + 1, new NodeId((ulong)chance.Between(1, 3)), commit)
            : state with { Commit = commit };
    }

    private static Entry[] DrawEntries(ulong term, ulong from, Chance chance, byte lone)
    {
        var entries = new Entry[chance.Between(1, 8)];
        for (var i = 0; i < entries.Length; i++)
        {
            var payload = new byte[chance.Pick([0, 1, 7, 8, 100, 500, chance.Below(3000)])];

            // Zeros and almost-zeros in payloads are what could be mistaken for sectors that never arrived.
            switch (chance.Below(4))
            {
                case 0:
                    break;
                case 1 when payload.Length > 0:
                    payload[chance.Below(payload.Length)] = lone;
                    break;
                default:
                    chance.Fill(payload);
                    break;
            }

            entries[i] = new Entry(term, from + (ulong)i, EntryKind.Command, payload);
        }

        return entries;
    }
}
