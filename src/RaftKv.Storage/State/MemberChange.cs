using System.Buffers;
using RaftKv.Raft;
using RaftKv.Raft.Membership;

namespace RaftKv.Storage.State;

/// <summary>What happens to a member. The numbers are on disk.</summary>
public enum MemberChangeKind : byte
{
    /// <summary>A new member, voter or learner.</summary>
    Add = 1,

    /// <summary>A learner becomes a voter.</summary>
    Promote = 2,

    /// <summary>The member leaves, and its id is banned for ever.</summary>
    Remove = 3,

    /// <summary>The member's peer URLs are replaced.</summary>
    Update = 4,
}

/// <summary>
/// A change of the membership in the cluster's words. It travels as the context of the <see cref="ConfigChange"/> that
/// says the same in Raft's: one entry of the log changes both.
/// </summary>
/// <param name="Kind">What happens.</param>
/// <param name="Member">To whom. Of a promoted or removed member the id alone counts, of an updated one also the peer
/// URLs.</param>
/// <param name="MaxLearners">How many learners there may be once a learner is added. It is an option that members may
/// disagree on, so the proposer's counts.</param>
public sealed record MemberChange(MemberChangeKind Kind, Member Member, int MaxLearners = 1)
{
    private const string FormatName = "member change";
    private const byte Version = 1;

    public static MemberChange Add(Member member, int maxLearners = 1) => new(MemberChangeKind.Add, member, maxLearners);

    public static MemberChange Promote(NodeId id) => new(MemberChangeKind.Promote, OnlyId(id));

    public static MemberChange Remove(NodeId id) => new(MemberChangeKind.Remove, OnlyId(id));

    public static MemberChange Update(NodeId id, IReadOnlyList<string> peerUrls)
        => new(MemberChangeKind.Update, OnlyId(id) with { PeerUrls = peerUrls });

    /// <summary>The context's bytes.</summary>
    public byte[] Encode()
    {
        var bytes = new ArrayBufferWriter<byte>();
        var writer = new StateWriter(bytes);
        writer.Byte(Version);
        writer.Byte((byte)Kind);
        switch (Kind)
        {
            case MemberChangeKind.Add:
                Member.WriteTo(writer);
                writer.Count(MaxLearners);
                break;
            case MemberChangeKind.Update:
                writer.Id(Member.Id.Value);
                writer.Texts(Member.PeerUrls);
                break;
            default:
                writer.Id(Member.Id.Value);
                break;
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <exception cref="StateFormatException">These are not the bytes of a change.</exception>
    public static MemberChange Decode(ReadOnlySpan<byte> context)
    {
        var reader = new StateReader(context, FormatName);
        reader.Version(Version);
        var change = (MemberChangeKind)reader.Byte() switch
        {
            MemberChangeKind.Add => Add(Member.ReadFrom(ref reader), reader.Amount()),
            MemberChangeKind.Promote => Promote(new NodeId(reader.Id())),
            MemberChangeKind.Remove => Remove(new NodeId(reader.Id())),
            MemberChangeKind.Update => Update(new NodeId(reader.Id()), reader.Texts()),
            _ => throw new StateFormatException(FormatName, reader.Offset - 1, "there is no such kind of change."),
        };
        reader.End();
        return change;
    }

    /// <summary>Reads the change that goes with one of Raft's.</summary>
    /// <exception cref="StateFormatException">There is none, or the two do not say the same.</exception>
    public static MemberChange Of(ConfigChange change)
    {
        var said = Decode(change.Context.Span);
        var step = change.Steps is [var only] ? only : default;
        var agrees = step.Member == said.Member.Id && said.Kind switch
        {
            MemberChangeKind.Add => step.Kind == (said.Member.IsLearner ? ConfigStepKind.AddLearner : ConfigStepKind.AddVoter),
            MemberChangeKind.Promote => step.Kind == ConfigStepKind.AddVoter,
            MemberChangeKind.Remove => step.Kind == ConfigStepKind.Remove,

            // The member is put where it is.
            _ => step.Kind is ConfigStepKind.AddVoter or ConfigStepKind.AddLearner,
        };

        return agrees
            ? said
            : throw new StateFormatException(FormatName, 0, $"it says {said.Kind} of {said.Member.Id} beside ({change}).");
    }

    private static Member OnlyId(NodeId id) => new(id, "", [], [], IsLearner: false);
}
