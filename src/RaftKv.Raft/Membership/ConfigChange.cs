using System.Buffers.Binary;
using System.Globalization;

namespace RaftKv.Raft.Membership;

/// <summary>What a step does to one member. The numbers are on disk and on the wire.</summary>
public enum ConfigStepKind : byte
{
    /// <summary>Makes the member a voter; promotes it if it is a learner.</summary>
    AddVoter = 0,

    /// <summary>Makes the member a learner; demotes it if it is a voter.</summary>
    AddLearner = 1,

    /// <summary>Takes the member out.</summary>
    Remove = 2,
}

/// <summary>How the change is carried out. The numbers are on disk and on the wire.</summary>
public enum ConfigTransition : byte
{
    /// <summary>One step at once if at most one is asked for; otherwise through a joint configuration that is left
    /// by itself.</summary>
    Auto = 0,

    /// <summary>Through a joint configuration, which the leader leaves by itself once it is committed.</summary>
    JointImplicit = 1,

    /// <summary>Through a joint configuration, which lasts until somebody proposes
    /// <see cref="ConfigChange.LeaveJoint"/>.</summary>
    JointExplicit = 2,
}

/// <summary>One member's part of a change.</summary>
public readonly record struct ConfigStep(ConfigStepKind Kind, NodeId Member)
{
    public override string ToString() => Kind switch
    {
        ConfigStepKind.AddVoter => $"voter {Member}",
        ConfigStepKind.AddLearner => $"learner {Member}",
        _ => $"remove {Member}",
    };
}

/// <summary>
/// A requested change of the membership, as it stands in the log. No steps means: leave the joint configuration.
/// Whether it may follow the current configuration is asked of <see cref="ClusterConfig.TryChange"/>.
/// </summary>
public sealed class ConfigChange
{
    // The payload of an entry of kind ConfigChange, little-endian:
    //
    //   0         1            2            4                              4 + 9 * count
    //   +---------+------------+------------+------------------------------+---------+
    //   | version | transition | step count | steps: kind (1), member (8)  | context |
    //   +---------+------------+------------+------------------------------+---------+
    private const byte Version = 1;
    private const int HeaderBytes = 4;
    private const int StepBytes = 9;

    /// <summary>Ends a joint configuration.</summary>
    public static readonly ConfigChange LeaveJoint = new(ConfigTransition.Auto, []);

    private readonly ConfigStep[] _steps;

    public ConfigChange(ConfigTransition transition, ReadOnlySpan<ConfigStep> steps, ReadOnlyMemory<byte> context = default)
    {
        Transition = transition;
        _steps = steps.ToArray();
        Context = context;
    }

    public ConfigTransition Transition { get; }

    public ReadOnlySpan<ConfigStep> Steps => _steps;

    /// <summary>The application's own words about the change, such as the addresses of a new member.</summary>
    public ReadOnlyMemory<byte> Context { get; }

    public bool LeavesJoint => _steps.Length == 0;

    public static ConfigChange AddVoter(NodeId member) => OneStep(ConfigStepKind.AddVoter, member);

    public static ConfigChange AddLearner(NodeId member) => OneStep(ConfigStepKind.AddLearner, member);

    public static ConfigChange Remove(NodeId member) => OneStep(ConfigStepKind.Remove, member);

    public static ConfigChange OneStep(ConfigStepKind kind, NodeId member, ReadOnlyMemory<byte> context = default)
        => new(ConfigTransition.Auto, [new ConfigStep(kind, member)], context);

    public byte[] Encode()
    {
        var bytes = new byte[HeaderBytes + (StepBytes * _steps.Length) + Context.Length];
        bytes[0] = Version;
        bytes[1] = (byte)Transition;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), checked((ushort)_steps.Length));
        var rest = bytes.AsSpan(HeaderBytes);
        foreach (var step in _steps)
        {
            rest[0] = (byte)step.Kind;
            BinaryPrimitives.WriteUInt64LittleEndian(rest[1..], step.Member.Value);
            rest = rest[StepBytes..];
        }

        Context.Span.CopyTo(rest);
        return bytes;
    }

    /// <summary>False if the bytes are not a change this version understands.</summary>
    public static bool TryDecode(ReadOnlyMemory<byte> payload, out ConfigChange change)
    {
        change = LeaveJoint;
        var bytes = payload.Span;
        if (bytes.Length < HeaderBytes || bytes[0] != Version || bytes[1] > (byte)ConfigTransition.JointExplicit)
        {
            return false;
        }

        var count = BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]);
        if (bytes.Length < HeaderBytes + (StepBytes * count))
        {
            return false;
        }

        var steps = new ConfigStep[count];
        for (var i = 0; i < count; i++)
        {
            var step = bytes[(HeaderBytes + (StepBytes * i))..];
            steps[i] = new ConfigStep((ConfigStepKind)step[0], new NodeId(BinaryPrimitives.ReadUInt64LittleEndian(step[1..])));
            if (steps[i].Kind > ConfigStepKind.Remove || steps[i].Member.IsNone)
            {
                return false;
            }
        }

        change = new ConfigChange((ConfigTransition)bytes[1], steps, payload[(HeaderBytes + (StepBytes * count))..]);
        return true;
    }

    public override string ToString()
    {
        if (LeavesJoint)
        {
            return "leave joint";
        }

        var steps = string.Join(", ", _steps);
        return Transition == ConfigTransition.Auto
            ? steps
            : string.Create(CultureInfo.InvariantCulture, $"{steps} ({Transition})");
    }
}
