using RaftKv.Raft;

namespace RaftKv.Storage.State.Commands;

/// <summary>What a member's state came to at a mark (<see cref="StateMachine.Sum"/>). It changes no state: whoever applies it
/// compares.</summary>
/// <param name="Member">Whose.</param>
/// <param name="Index">Of the mark, in the log.</param>
/// <param name="Sum">Its sum there.</param>
public readonly record struct StateSumCommand(NodeId Member, ulong Index, ulong Sum) : IStateCommand<StateSumCommand>
{
    public static CommandKind Kind => CommandKind.StateSum;

    public void WriteBody(StateWriter writer)
    {
        writer.Id(Member.Value);
        writer.Number(Index);
        writer.Id(Sum);
    }

    public static StateSumCommand ReadBody(ref StateReader reader) => new(new NodeId(reader.Id()), reader.Number(), reader.Id());
}
