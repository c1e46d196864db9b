using System.Buffers.Binary;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Storage.Files;

namespace RaftKv.Simulation.Members;

/// <summary>
/// The smallest state machine worth replicating: a few registers with revisions, and for each client the last operation
/// it had carried out with its result, so that an attempt made twice has one effect. Applying is a function of the
/// state and the entry and nothing else.
/// </summary>
internal sealed class RegisterMachine
{
    public const int KeyCount = 8;
    public const int ClientCount = 16;

    private const int RegisterBytes = 16;
    private const int SessionBytes = 16;

    private readonly (ulong Value, ulong Revision)[] _registers = new (ulong, ulong)[KeyCount];
    private readonly (uint Number, Result Result)[] _sessions = new (uint, Result)[ClientCount];

    public LogPosition Position { get; private set; }

    public ClusterConfig Config { get; private set; } = ClusterConfig.Empty;

    /// <summary>All of the state in one number, kept up to date with every change.</summary>
    public ulong Hash { get; private set; }

    public ulong Read(byte key) => _registers[key].Value;

    /// <summary>Applies a command. False if the entry carried none that has a result.</summary>
    public bool Apply(in Entry entry, out Request request, out Result result)
    {
        Position = entry.Position;
        (request, result) = (default, default);
        if (entry.Kind == EntryKind.ConfigChange)
        {
            if (ConfigChange.TryDecode(entry.Payload, out var change) && Config.TryChange(change, out var next, out _))
            {
                Config = next;
            }

            return false;
        }

        if (entry.Payload.Length == 0)
        {
            return false;
        }

        request = Request.Decode(entry.Payload.Span);
        ref var session = ref _sessions[request.Client];
        if (request.Number <= session.Number)
        {
            // Carried out before, or given up by its client for a later one: it must not have an effect now.
            result = session.Result;
            return request.Number == session.Number;
        }

        ref var register = ref _registers[request.Key];
        Hash ^= HashOf(request.Key, register) ^ HashOf(request.Client, session);
        result = new Result(request.Kind == OperationKind.Write || register.Value == request.Expected, register.Value);
        if (result.IsDone)
        {
            register = (request.Value, entry.Index);
        }

        session = (request.Number, result);
        Hash ^= HashOf(request.Key, register) ^ HashOf(request.Client, session);
        return true;
    }

    //   0                    8                 2 bytes each count, 8 each member
    //   +------+-------+-----------------------------+-----------+----------+--------+
    //   | term | index | voters, outgoing, learners, | registers | sessions | crc32c |
    //   |      |       | next, leaves automatically  |           |          |        |
    //   +------+-------+-----------------------------+-----------+----------+--------+

    /// <summary>The state in bytes.</summary>
    /// <param name="claimed">The position to claim: that of the state, unless a test wants it to lie.</param>
    public byte[] Encode(LogPosition claimed)
    {
        var members = Config.Voters.Length + Config.Outgoing.Length + Config.Learners.Length + Config.LearnersNext.Length;
        var bytes = new byte[16 + 8 + (8 * members) + 1 + (KeyCount * RegisterBytes) + (ClientCount * SessionBytes) + 4];
        var rest = bytes.AsSpan();
        Put(ref rest, claimed.Term);
        Put(ref rest, claimed.Index);
        Put(ref rest, Config.Voters);
        Put(ref rest, Config.Outgoing);
        Put(ref rest, Config.Learners);
        Put(ref rest, Config.LearnersNext);
        rest[0] = Config.LeavesAutomatically ? (byte)1 : (byte)0;
        rest = rest[1..];
        foreach (var (value, revision) in _registers)
        {
            Put(ref rest, value);
            Put(ref rest, revision);
        }

        foreach (var (number, result) in _sessions)
        {
            Put(ref rest, ((ulong)number << 1) | (result.IsDone ? 1UL : 0));
            Put(ref rest, result.Value);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(rest, Crc32C.Of(bytes.AsSpan(0, bytes.Length - 4)));
        return bytes;
    }

    /// <summary>Takes over a state. False if the bytes are damaged; the machine is then as before.</summary>
    /// <param name="bytes">As encoded.</param>
    /// <param name="keepsSessions">False only for a test that wants them to be lost.</param>
    public bool TryDecode(byte[] bytes, bool keepsSessions = true)
    {
        if (bytes.Length < 4
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(bytes.Length - 4))
                != Crc32C.Of(bytes.AsSpan(0, bytes.Length - 4)))
        {
            return false;
        }

        ReadOnlySpan<byte> rest = bytes;
        Position = new LogPosition(Take(ref rest), Take(ref rest));
        var (voters, outgoing) = (TakeMembers(ref rest), TakeMembers(ref rest));
        var (learners, next) = (TakeMembers(ref rest), TakeMembers(ref rest));
        Config = ClusterConfig.Restore(voters, outgoing, learners, next, rest[0] != 0);
        rest = rest[1..];
        Hash = 0;
        for (var key = 0; key < KeyCount; key++)
        {
            _registers[key] = (Take(ref rest), Take(ref rest));
            Hash ^= HashOf((byte)key, _registers[key]);
        }

        for (var client = 0; client < ClientCount; client++)
        {
            var number = Take(ref rest);
            var session = ((uint)(number >> 1), new Result((number & 1) != 0, Take(ref rest)));
            _sessions[client] = keepsSessions ? session : default;
            Hash ^= HashOf(client, _sessions[client]);
        }

        return true;
    }

    // What is as it was at the beginning counts as nothing, so that a fresh machine and one of old agree.
    private static ulong HashOf(byte key, (ulong Value, ulong Revision) register)
        => register.Revision == 0 ? 0 : Mix.Of(Mix.Of(key + 1UL, register.Value), register.Revision);

    private static ulong HashOf(int client, (uint Number, Result Result) session)
        => session.Number == 0
            ? 0
            : Mix.Of(Mix.Of((ulong)client + 100, session.Number), session.Result.Value) + (session.Result.IsDone ? 1UL : 0);

    private static void Put(ref Span<byte> rest, ulong number)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(rest, number);
        rest = rest[8..];
    }

    private static void Put(ref Span<byte> rest, ReadOnlySpan<Raft.NodeId> members)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(rest, (ushort)members.Length);
        rest = rest[2..];
        foreach (var member in members)
        {
            Put(ref rest, member.Value);
        }
    }

    private static ulong Take(ref ReadOnlySpan<byte> rest)
    {
        var number = BinaryPrimitives.ReadUInt64LittleEndian(rest);
        rest = rest[8..];
        return number;
    }

    private static Raft.NodeId[] TakeMembers(ref ReadOnlySpan<byte> rest)
    {
        var members = new Raft.NodeId[BinaryPrimitives.ReadUInt16LittleEndian(rest)];
        rest = rest[2..];
        for (var i = 0; i < members.Length; i++)
        {
            members[i] = new Raft.NodeId(Take(ref rest));
        }

        return members;
    }
}
