using RaftKv.Rpc;

namespace RaftKv.Client.Calls;

/// <summary>When a call may be made again after it failed.</summary>
internal enum RepeatRule
{
    /// <summary>It changes nothing, or doing it twice is as good as once: whenever the failure may pass.</summary>
    Freely,

    /// <summary>
    /// It changes something: only if no member can have acted on it, or a member said that it has not. With a request id,
    /// at members that recognise it, freely.
    /// </summary>
    IfNotDone,

    /// <summary>Never: it is about one member at one moment.</summary>
    Never,
}

/// <summary>A method of the API, and what its calls need.</summary>
/// <param name="Method">As it is on the wire.</param>
/// <param name="Repeat">When it may be repeated.</param>
internal sealed record Call<TRequest, TResponse>(RpcMethod<TRequest, TResponse> Method, RepeatRule Repeat)
{
    /// <summary>Whether the member must know a leader; if it knows none, it is to say so at once.</summary>
    public bool NeedsLeader { get; init; } = true;

    /// <summary>Whether it changes something, so that a failure may leave open whether it has.</summary>
    public bool IsWrite { get; init; } = Repeat != RepeatRule.Freely;

    /// <summary>What a repetition is refused with when an earlier attempt has done what was asked for.</summary>
    public string[] DoneTexts { get; init; } = [];

    /// <summary>Whether a member that has recognised the request id answers a repetition with the first answer.</summary>
    public bool CanCarryRequestId { get; init; }
}
