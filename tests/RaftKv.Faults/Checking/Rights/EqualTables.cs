using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking.Rights;

/// <summary>
/// <b>In the end all members have the same users and roles.</b> Each was asked, when nobody changed them any more: hashes of keys
/// do not speak of them.
/// </summary>
internal sealed class EqualTables : IChecker
{
    /// <summary>What a member has; Elements: a line for each user and each role, in order.</summary>
    public const string Call = "tables";

    public string Name => "equal tables";

    public Verdict Check(History history)
    {
        var asked = history.Operations.Where(operation => operation.Call == Call).ToList();
        var known = asked.Where(one => one.IsOk).ToList();
        if (known.Count == 0 || known.Count < asked.Count)
        {
            return Verdict.UnknownOf(Name, asked.Count == 0 ? "No member was asked." : $"{asked.First(one => !one.IsOk).Member} was not asked in time: {asked.First(one => !one.IsOk).Error}");
        }

        return Verdict.Of(
            Name,
            [.. known.Where(one => !one.Elements!.SequenceEqual(known[0].Elements!)).Select(one => new Finding(
                "tables-differ",
                $"{one.Member} has [{string.Join("; ", one.Elements!.Except(known[0].Elements!))}] where {known[0].Member} has [{string.Join("; ", known[0].Elements!.Except(one.Elements!))}].",
                known[0],
                one))],
            $"{known.Count} members, {known[0].Elements!.Count} users and roles");
    }
}
