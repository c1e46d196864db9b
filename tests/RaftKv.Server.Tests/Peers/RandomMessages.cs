using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;

namespace RaftKv.Server.Tests.Peers;

/// <summary>Messages with any field in any state, whether or not a member would ever send them.</summary>
internal sealed class RandomMessages(int seed)
{
    private static readonly MessageKind[] Kinds = Enum.GetValues<MessageKind>();

    private readonly Random _random = new(seed);

    public Message Next(NodeId from, NodeId to) => new()
    {
        Kind = Kinds[_random.Next(Kinds.Length)],
        From = from,
        To = to,
        Term = Number(),
        Position = Position(),
        Hint = Position(),
        Commit = Number(),
        Token = Number(),
        Entries = Entries(),
        Snapshot = _random.Next(4) == 0 ? new Snapshot(Position(), Config()) : null,
        IsRejected = _random.Next(2) == 0,
        IsTransfer = _random.Next(2) == 0,
    };

    public static string Describe(Message message)
    {
        var entries = string.Join(
            ' ',
            message.Entries.ToArray().Select(entry => $"{entry.Position}:{entry.Kind}:{Convert.ToHexString(entry.Payload.Span)}"));
        return $"{message.From}>{message.To} {message.Kind} {message.Term} {message.Position} {message.Hint} {message.Commit} "
            + $"{message.Token} [{entries}] {message.Snapshot} {message.IsRejected} {message.IsTransfer}";
    }

    private ulong Number() => _random.Next(6) switch
    {
        0 or 1 => 0,
        2 => (ulong)_random.Next(300),
        3 => 1UL << _random.Next(64),
        4 => ulong.MaxValue >> _random.Next(64),
        _ => (ulong)_random.NextInt64(),
    };

    private LogPosition Position() => new(Number(), Number());

    private ReadOnlyMemory<Entry> Entries()
    {
        var entries = new Entry[_random.Next(3) == 0 ? _random.Next(8) : 0];
        var follows = _random.Next(3) > 0;
        var position = Position();
        for (var i = 0; i < entries.Length; i++)
        {
            position = follows ? new LogPosition(position.Term, unchecked(position.Index + 1)) : Position();
            var payload = new byte[_random.Next(4) == 0 ? _random.Next(3000) : _random.Next(20)];
            _random.NextBytes(payload);
            entries[i] = new Entry(position.Term, position.Index, (EntryKind)_random.Next(2), payload);
        }

        return entries;
    }

    private ClusterConfig Config()
    {
        if (_random.Next(8) == 0)
        {
            return ClusterConfig.Empty;
        }

        var ids = Enumerable.Range(0, 9).Select(_ => new NodeId((ulong)_random.NextInt64() + 1)).ToArray();
        return _random.Next(2) == 0
            ? ClusterConfig.Of(ids[..3], ids[3..5])
            : ClusterConfig.Restore(ids[..3], ids[2..6], ids[6..], ids[4..6], _random.Next(2) == 0);
    }
}
