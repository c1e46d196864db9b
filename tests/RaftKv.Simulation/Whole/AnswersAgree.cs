using RaftKv.Server.Replica;

namespace RaftKv.Simulation.Whole;

/// <summary>
/// <b>Every answer is what the agreed history says at its place, every acknowledged write has one, later operations find
/// earlier ones, and what was refused for certain never happens.</b> Linearizability (Herlihy and Wing 1990) with a
/// witness: the log is the order, so nothing has to be searched for.
/// <para>An operation that is called after another one was answered must stand behind it: a write by its place in the log,
/// a read by the revision it shows. An operation without an answer may stand anywhere, once, or nowhere.</para>
/// </summary>
internal sealed class AnswersAgree(Replay replay)
{
    // What was refused for certain.
    private readonly HashSet<ulong> _refused = [];

    /// <summary>What somebody has been told of, as of now. An operation that begins must not go before it.</summary>
    public Floor Told { get; private set; }

    public void Agreed()
    {
        if (replay.LastRequest != 0 && _refused.Contains(replay.LastRequest))
        {
            throw new Violation(nameof(AnswersAgree), $"{replay.LastRequest:x} was refused for certain, and was carried out at {replay.Index}");
        }
    }

    /// <summary>A client is told that nothing happened.</summary>
    public void Refused(ulong requestId, RequestRefusal reason)
    {
        if (requestId == 0 || !IsCertain(reason))
        {
            return;
        }

        _refused.Add(requestId);
        if (replay.AnswerTo(requestId) is { } carriedOut)
        {
            throw new Violation(nameof(AnswersAgree), $"{requestId:x} was carried out at {carriedOut.Index}, and is refused: {reason}");
        }
    }

    /// <summary>A client is told what came of a command.</summary>
    public AgreedAnswer Written(ulong requestId, Floor floor, in KvReply reply)
    {
        if (replay.AnswerTo(requestId) is not { } agreed)
        {
            throw new Violation(nameof(AnswersAgree), $"{requestId:x} is acknowledged, and nobody has agreed upon it");
        }

        if (agreed.Error != reply.Error || agreed.Revision != reply.Revision)
        {
            throw new Violation(
                nameof(AnswersAgree),
                $"{requestId:x} at {agreed.Index} is {agreed.Error} at revision {agreed.Revision}, and was answered {reply.Error} at {reply.Revision}");
        }

        if (agreed.Index <= floor.Index || agreed.Revision < floor.Revision)
        {
            throw new Violation(
                nameof(AnswersAgree), $"{requestId:x} stands at {agreed.Index}, revision {agreed.Revision}, and began after {floor}");
        }

        Tell(agreed.Index, agreed.Revision);
        return agreed;
    }

    /// <summary>A client is told what can be read as of a revision.</summary>
    /// <param name="floor">What the read must not go before; nothing for one that asks a single member.</param>
    /// <param name="revision">Of the header.</param>
    /// <param name="isRecent">Whether what is read is the newest.</param>
    public void Read(Floor floor, long revision, bool isRecent)
    {
        if (revision > replay.Revision)
        {
            throw new Violation(nameof(AnswersAgree), $"a read shows revision {revision}, and the newest is {replay.Revision}");
        }

        if (revision < floor.Revision)
        {
            throw new Violation(nameof(AnswersAgree), $"a read shows revision {revision}, and began after {floor}");
        }

        if (isRecent)
        {
            Tell(0, revision);
        }
    }

    public static void Same(string what, IReadOnlyList<KeyEvent> expected, IReadOnlyList<Protocol.Mvcc.KeyValue> told)
    {
        var isSame = expected.Count == told.Count;
        for (var i = 0; isSame && i < told.Count; i++)
        {
            isSame = IsSame(expected[i], told[i]);
        }

        if (!isSame)
        {
            throw new Violation(
                nameof(AnswersAgree), $"{what} should be [{string.Join(", ", expected)}], and was told as [{string.Join(", ", told)}]");
        }
    }

    public static bool IsSame(KeyEvent expected, Protocol.Mvcc.KeyValue told)
        => told.Key.Span.SequenceEqual(System.Text.Encoding.Latin1.GetBytes(expected.Key))
            && told.ModRevision == expected.Revision
            && (expected.IsDelete
                || (told.Value.Span.SequenceEqual(System.Text.Encoding.Latin1.GetBytes(expected.Value))
                    && told.CreateRevision == expected.Created
                    && told.Version == expected.Version
                    && told.Lease == expected.Lease));

    /// <summary>Whether a member that says this promises that nothing happens.</summary>
    private static bool IsCertain(RequestRefusal reason)
        => reason is RequestRefusal.NoLeader or RequestRefusal.NotLeader or RequestRefusal.TooManyRequests
            or RequestRefusal.TooLarge or RequestRefusal.Dropped;

    private void Tell(ulong index, long revision)
        => Told = new Floor(Math.Max(Told.Index, index), Math.Max(Told.Revision, revision));
}

/// <summary>What has been told to somebody.</summary>
internal readonly record struct Floor(ulong Index, long Revision);
