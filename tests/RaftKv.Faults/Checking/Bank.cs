using System.Globalization;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary><b>Money is moved, never made or lost: all accounts together hold at any revision what they held at first.</b></summary>
internal sealed class Bank : IChecker
{
    public string Name => "bank";

    public Verdict Check(History history)
    {
        var findings = new List<Finding>();
        var reads = history.Operations.Where(operation => operation is { Call: "accounts", IsOk: true, Entries.Count: > 0 }).ToList();
        if (reads.Count == 0)
        {
            return Verdict.UnknownOf(Name, "The accounts were never read.");
        }

        // The first read is made before anything is moved.
        var first = reads.MinBy(read => read.Begin)!;
        foreach (var read in reads)
        {
            var balances = read.Entries!.Select(account => long.Parse(account.Value!, CultureInfo.InvariantCulture)).ToList();
            if (balances.Sum() != Total(first))
            {
                findings.Add(new Finding("wrong-total", $"The accounts hold {balances.Sum()} together at revision {read.Revision}, and held {Total(first)} at first.", first, read));
            }

            if (balances.Any(balance => balance < 0))
            {
                findings.Add(new Finding("negative-balance", $"An account is below zero at revision {read.Revision}: {string.Join(' ', balances)}.", read));
            }

            if (balances.Count != first.Entries!.Count)
            {
                findings.Add(new Finding("lost-account", $"There are {balances.Count} accounts at revision {read.Revision}, and were {first.Entries.Count}.", first, read));
            }
        }

        var moved = history.Operations.Count(operation => operation is { Call: "transfer", IsOk: true });
        return Verdict.Of(Name, findings, $"{moved} transfers, {reads.Count} reads");
    }

    private static long Total(Invocation read) => read.Entries!.Sum(account => long.Parse(account.Value!, CultureInfo.InvariantCulture));
}
