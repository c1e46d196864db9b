using RaftKv.Raft;
using RaftKv.Raft.Log;

namespace RaftKv.Simulation.Safety;

/// <summary>
/// One member's log as the properties see it: a chain of hashes. The hash at an index covers the entry there and all
/// before it, so two logs are equal through an index exactly if their hashes there are, and no comparison ever has to
/// look at more than one entry.
/// </summary>
internal sealed class LogImage
{
    private readonly List<(ulong Term, ulong Hash)> _chain = [];
    private ulong _start;

    /// <summary>The position before the first entry.</summary>
    public ulong Start => _start;

    public ulong LastIndex => _start + (ulong)_chain.Count - 1;

    public ulong LastTerm => _chain[^1].Term;

    public void Restart(LogPosition at, ulong hash)
    {
        _chain.Clear();
        _chain.Add((at.Term, hash));
        _start = at.Index;
    }

    /// <summary>Puts an entry at its index, in place of what was there and after it.</summary>
    public ulong Put(in Entry entry)
    {
        Invariant.Holds(entry.Index > _start);
        Invariant.Holds(entry.Index <= LastIndex + 1);
        var kept = (int)(entry.Index - _start);
        _chain.RemoveRange(kept, _chain.Count - kept);
        var hash = Mix.Of(Mix.Of(Mix.Of(_chain[^1].Hash, entry.Term), (ulong)entry.Kind), entry.Payload.Span);
        _chain.Add((entry.Term, hash));
        return hash;
    }

    public bool Contains(ulong index) => index >= _start && index <= LastIndex;

    public ulong TermAt(ulong index) => _chain[(int)(index - _start)].Term;

    public ulong HashAt(ulong index) => _chain[(int)(index - _start)].Hash;
}
