using RaftKv.Rpc;

namespace RaftKv.Compatibility.Tests.Errors;

/// <summary>
/// One way to provoke one error: the call, in the words of scripts, and the status that it must end with. Placeholders
/// stand for what differs from store to store: {self} the member's id, {peer} its peer address, {added} the id of the
/// member that was added last, {revision} that of the last put, {fresh} a peer address that was not there before (an id
/// comes from the address and the second, and those of removed members stay banned).
/// </summary>
internal sealed record ErrorRow(string Name, string Call, RpcStatusCode Code, string Text)
{
    /// <summary>Calls that must end well, before it.</summary>
    public IReadOnlyList<string> Before { get; init; } = [];

    /// <summary>Calls that leave the store as it was, after it.</summary>
    public IReadOnlyList<string> After { get; init; } = [];

    /// <summary>Why etcd 3.4 answers something else, so that it cannot say whether the row is right. Null: it answers the same.</summary>
    public string? Newer { get; init; }

    public override string ToString() => Name;
}
