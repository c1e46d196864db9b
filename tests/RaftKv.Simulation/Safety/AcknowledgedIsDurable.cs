using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;

namespace RaftKv.Simulation.Safety;

/// <summary>
/// <b>What a member has acknowledged to its leader is on its disk, and still there after any restart.</b> Thesis §3.8: the
/// promise on which every count of a quorum rests.
/// <para>Checked as the acknowledgement leaves, against what the disk has confirmed, and again with the log that is found
/// after a restart. An entry that a later leader has replaced since is no longer promised.</para>
/// </summary>
internal sealed class AcknowledgedIsDurable
{
    private readonly Dictionary<NodeId, LogPosition> _promised = [];

    /// <param name="message">What leaves the member.</param>
    /// <param name="durableIndex">What its disk had confirmed when it still spoke in that message's term.</param>
    /// <param name="log">As it is now; null if a later term has replaced entries since. What was said in the earlier one was
    /// true, and is not promised any more.</param>
    public void Sent(in Message message, ulong durableIndex, LogImage? log)
    {
        if (message.Kind != MessageKind.AppendResponse || message.IsRejected)
        {
            return;
        }

        var index = message.Position.Index;
        if (index > durableIndex)
        {
            throw new Violation(
                nameof(AcknowledgedIsDurable),
                $"{message.From} acknowledges {index}, but its disk has confirmed {durableIndex}");
        }

        var before = _promised.GetValueOrDefault(message.From);
        if (log is not null && index > before.Index && log.Contains(index))
        {
            _promised[message.From] = new LogPosition(log.TermAt(index), index);
        }
    }

    /// <summary>The member is told to write these in place of what it had.</summary>
    public void Replaced(NodeId member, ulong first, LogImage log)
    {
        if (_promised.TryGetValue(member, out var promised) && promised.Index >= first)
        {
            _promised[member] = first > log.Start ? new LogPosition(log.TermAt(first - 1), first - 1) : default;
        }
    }

    public void Recovered(NodeId member, LogImage log)
    {
        if (!_promised.TryGetValue(member, out var promised) || promised.Index <= log.Start)
        {
            return;
        }

        if (!log.Contains(promised.Index) || log.TermAt(promised.Index) != promised.Term)
        {
            throw new Violation(
                nameof(AcknowledgedIsDurable),
                $"{member} had acknowledged {promised}, but came back with a log that ends at {log.LastTerm}/{log.LastIndex}");
        }
    }

    /// <summary>Its disk was destroyed, and it will not come back.</summary>
    public void Lost(NodeId member) => _promised.Remove(member);
}
