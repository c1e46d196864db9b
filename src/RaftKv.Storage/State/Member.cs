using RaftKv.Raft;

namespace RaftKv.Storage.State;

/// <summary>What the cluster knows about one of its members. Immutable.</summary>
/// <param name="Id">Who it is.</param>
/// <param name="Name">Empty until it has started once.</param>
/// <param name="PeerUrls">Where the other members reach it.</param>
/// <param name="ClientUrls">Where clients reach it; empty until it has started once.</param>
/// <param name="IsLearner">It receives the log and has no say.</param>
public sealed record Member(
    NodeId Id,
    string Name,
    IReadOnlyList<string> PeerUrls,
    IReadOnlyList<string> ClientUrls,
    bool IsLearner)
{
    internal const int MinBytes = sizeof(ulong) + 4;

    /// <summary>It has told its name, so it has run.</summary>
    public bool HasStarted => Name.Length > 0;

    public bool Equals(Member? other)
        => other is not null
            && Id == other.Id
            && Name == other.Name
            && PeerUrls.SequenceEqual(other.PeerUrls)
            && ClientUrls.SequenceEqual(other.ClientUrls)
            && IsLearner == other.IsLearner;

    public override int GetHashCode() => Id.GetHashCode();

    internal void WriteTo(StateWriter writer)
    {
        writer.Id(Id.Value);
        writer.Text(Name);
        writer.Texts(PeerUrls);
        writer.Texts(ClientUrls);
        writer.Flag(IsLearner);
    }

    internal static Member ReadFrom(ref StateReader reader)
        => new(new NodeId(reader.Id()), reader.Text(), reader.Texts(), reader.Texts(), reader.Flag());
}
