using RaftKv.Raft;
using RaftKv.Raft.Membership;
using RaftKv.Storage.State;

namespace RaftKv.Server.Replica;

/// <summary>A change of the membership on its way into the log, and whoever waits for it.</summary>
/// <param name="Change">In Raft's words.</param>
/// <param name="CheckedAt">Up to which index the state was applied when the change was found to be in order.</param>
/// <param name="Promotes">The learner that is given a vote, if that is what it is.</param>
public sealed record MembershipProposal(ConfigChange Change, ulong CheckedAt, NodeId Promotes)
{
    private readonly TaskCompletionSource<IReadOnlyList<Member>> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The members after the change, when it is applied.</summary>
    public Task<IReadOnlyList<Member>> Done => _done.Task;

    public void Complete(IReadOnlyList<Member> members) => _done.TrySetResult(members);

    public void Refuse(RequestRefusal reason) => _done.TrySetException(new RequestRefusedException(reason));
}
