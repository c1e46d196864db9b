using RaftKv.Raft.Log;
using RaftKv.Storage.State;

namespace RaftKv.Server.Replica;

/// <summary>
/// Leases whose revocation stands in the log and is not applied here. Another member may apply it first and say so, and
/// nobody may keep such a lease alive after that; so they are known before any other member can hear of them.
/// </summary>
/// <remarks>Not every one of them ends: the revocation may be refused when it is applied, or its place in the log may be
/// taken by something else.</remarks>
public sealed class ComingRevocations
{
    // In the order of the log. Short: what was revoked since the last batch that was applied.
    private readonly List<(ulong Index, long Lease)> _coming = [];

    public bool IsEmpty => _coming.Count == 0;

    public bool Contains(long lease)
    {
        foreach (var (_, coming) in _coming)
        {
            if (coming == lease)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Revocations among entries that go into the log, in place of all that stood there or behind them.</summary>
    public void Appended(ulong firstIndex, ReadOnlySpan<(ulong Index, long Lease)> revocations)
    {
        var kept = _coming.Count;
        while (kept > 0 && _coming[kept - 1].Index >= firstIndex)
        {
            kept--;
        }

        _coming.RemoveRange(kept, _coming.Count - kept);
        _coming.AddRange(revocations);
    }

    /// <summary>Everything up to an index is applied.</summary>
    public void Applied(ulong index)
    {
        var done = 0;
        while (done < _coming.Count && _coming[done].Index <= index)
        {
            done++;
        }

        _coming.RemoveRange(0, done);
    }

    /// <summary>Which of some entries revoke leases.</summary>
    public static void Find(ReadOnlySpan<Entry> entries, List<(ulong Index, long Lease)> found)
    {
        foreach (ref readonly var entry in entries)
        {
            if (entry.Kind == EntryKind.Command && CommandEnvelope.TryPeekRevocation(entry.Payload.Span, out var lease))
            {
                found.Add((entry.Position.Index, lease));
            }
        }
    }
}
