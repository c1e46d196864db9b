using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.Wal;

namespace RaftKv.Server.Replica;

/// <summary>
/// What a member can say of itself and of the others when they meet: whether it remembers anything, and who has run before.
/// The two together tell one that comes for the first time from one that has lost what it had promised. Any thread may
/// ask.
/// </summary>
/// <example><code>
/// if (hello.IsBlank &amp;&amp; memory.HasRun(hello.From))
/// {
///     // It has voted and acknowledged, and does not know it any more.
/// }
/// </code></example>
public sealed class MemberMemory(WriteAheadLog wal, Applier applier)
{
    /// <summary>Up to where a founder's log goes before anything has happened.</summary>
    public const ulong FoundedIndex = 1;

    private const long ReadBytes = 1024 * 1024;

    /// <summary>Whether it remembers nothing: neither its log nor its state holds more than what it was founded with.</summary>
    public bool IsBlank => applier.AppliedIndex <= FoundedIndex && !OutlivesProcess;

    /// <summary>Whether it will still remember something when the power has gone.</summary>
    public bool OutlivesProcess => wal.Last.Index > FoundedIndex;

    /// <summary>Whether a member has said that it has started, which it does when it is not blank any more.</summary>
    /// <remarks>The log counts beside the state, which may have a long way to go after a start. Whether or not it is
    /// committed there, it was said.</remarks>
    public bool HasRun(NodeId member) => IsInState(member) || (IsInLog(member) ?? IsInState(member));

    private bool IsInState(NodeId member) => applier.Published.Members.Find(member) is { HasStarted: true };

    // Null if what was to be read has become part of the state meanwhile.
    private bool? IsInLog(NodeId member)
    {
        var (next, last) = (applier.AppliedIndex + 1, wal.Last.Index);
        while (next <= last)
        {
            switch (wal.Read(next, last, ReadBytes, out var entries))
            {
                case WalRead.Compacted:
                    return null;
                case WalRead.Found:
                    foreach (ref readonly var entry in entries.Span)
                    {
                        if (IsSaidBy(member, entry))
                        {
                            return true;
                        }
                    }

                    next += (ulong)entries.Length;
                    break;
                default:
                    return false;
            }
        }

        return false;
    }

    private static bool IsSaidBy(NodeId member, in Entry entry)
    {
        if (entry.Kind != EntryKind.Command || entry.Payload.IsEmpty)
        {
            return false;
        }

        var command = CommandEnvelope.Decode(entry.Payload).Command.Span;
        return StateCommand.KindOf(command) == CommandKind.MemberAttributes
            && StateCommand.Decode<MemberAttributesCommand>(command).Member == member;
    }
}
