using RaftKv.Raft;

namespace RaftKv.Storage.State.Commands;

/// <summary>A member that has started publishes what it is called and where clients find it.</summary>
public readonly record struct MemberAttributesCommand(NodeId Member, string Name, IReadOnlyList<string> ClientUrls)
    : IStateCommand<MemberAttributesCommand>
{
    public static CommandKind Kind => CommandKind.MemberAttributes;

    public void WriteBody(StateWriter writer)
    {
        writer.Id(Member.Value);
        writer.Text(Name);
        writer.Texts(ClientUrls);
    }

    public static MemberAttributesCommand ReadBody(ref StateReader reader)
        => new(new NodeId(reader.Id()), reader.Text(), reader.Texts());
}
