using RaftKv.Faults.Histories;
using Recorded = RaftKv.Faults.Histories.History;

namespace RaftKv.Faults.Tests;

/// <summary>Operations and histories in few words. The numbers are process, beginning and end.</summary>
internal static class Op
{
    public const string Key = "k";

    public static Invocation Of(int process, string call, long begin, long end, Outcome outcome = Outcome.Ok)
        => new() { Process = process, Call = call, Begin = begin, End = end, Outcome = outcome, Key = Key };

    public static Invocation Write(int process, long begin, long end, string value, long revision)
        => Of(process, "write", begin, end) with { Value = value, Revision = revision, Wrote = true };

    public static Invocation Read(int process, long begin, long end, string? value, long version, long modified, long? revision = null)
        => Of(process, "read", begin, end) with
        {
            Found = value is null ? new KeyState() : new KeyState { Value = value, Version = version, Modified = modified, Created = modified - version + 1 },
            Revision = revision ?? modified,
        };

    public static Invocation Cas(int process, long begin, long end, string? expected, string value, bool isDone, long revision)
        => Of(process, "cas", begin, end) with { Expected = expected, Value = value, Done = isDone, Wrote = isDone, Revision = revision };

    public static Invocation Delete(int process, long begin, long end, bool isDone, long revision)
        => Of(process, "delete", begin, end) with { Done = isDone, Wrote = isDone, Revision = revision };

    /// <summary>The same, but nobody knows what came of it.</summary>
    public static Invocation Lost(this Invocation operation)
        => operation with { Outcome = Outcome.Info, Revision = null, Wrote = false, Done = null, Found = null, Error = "timeout" };

    public static Invocation Failed(this Invocation operation) => operation with { Outcome = Outcome.Fail, Revision = null, Wrote = false };

    /// <summary>A transaction: "append x 1", "write x 1", "read x 1 2" of a list, "look x 1" or "look x" of a register.</summary>
    public static Invocation Txn(int process, long begin, long end, params string[] steps)
        => Of(process, "txn", begin, end) with { Key = null, Steps = [.. steps.Select(Step)] };

    public static Invocation At(this Invocation operation, long revision) => operation with { Revision = revision, Wrote = true };

    public static History History(params Invocation[] operations) => Recorded.Of(Run(), operations);

    public static History With(this History history, params HistoryLine[] lines)
        => Recorded.Of(history.Run, [.. history.Operations, .. history.Faults, .. history.Phases, .. history.Exits, .. history.Logs, .. history.Objects, .. lines]);

    public static RunLine Run() => new()
    {
        Format = RunLine.CurrentFormat,
        Workload = "register",
        Nemesis = "kill-leader",
        Target = "raftkv",
        Members = 3,
        Seconds = 10,
        Rate = 100,
        Seed = 1,
        Network = "proxies",
    };

    private static TransactionStep Step(string text)
    {
        var words = text.Split(' ');
        return words[0] switch
        {
            "append" => new() { Kind = StepKind.Append, Key = words[1], Value = words[2] },
            "write" => new() { Kind = StepKind.Write, Key = words[1], Value = words[2] },
            "look" => new()
            {
                Kind = StepKind.Read,
                Key = words[1],
                Value = words.ElementAtOrDefault(2),
                Revision = words.Length > 3 ? long.Parse(words[3], System.Globalization.CultureInfo.InvariantCulture) : null,
            },
            _ => new() { Kind = StepKind.Read, Key = words[1], List = words[2..] },
        };
    }
}
