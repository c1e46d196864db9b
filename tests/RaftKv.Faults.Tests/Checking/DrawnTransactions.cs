using System.Globalization;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

/// <summary>Transactions that happened one after the other, and overlap all the same.</summary>
internal static class DrawnTransactions
{
    private static readonly string[] Keys = ["x", "y", "z"];

    /// <param name="staleAt">The number of a transaction that reads what was there ten transactions before; -1: none.</param>
    public static List<Invocation> Lists(int seed, int count, int staleAt = -1)
    {
        var chance = new Random(seed);
        var past = new List<Dictionary<string, string[]>> { Keys.ToDictionary(key => key, _ => Array.Empty<string>()) };
        var history = new List<Invocation>();
        for (var i = 0; i < count; i++)
        {
            var now = past[^1].ToDictionary();
            var isStale = i == staleAt;
            var seen = isStale ? past[^20].ToDictionary() : now;
            var steps = new List<string>();
            for (var step = 0; step < (isStale ? 3 : chance.Next(1, 5)); step++)
            {
                var key = isStale ? Keys[step] : Keys[chance.Next(Keys.Length)];
                if (!isStale && chance.Next(2) == 0)
                {
                    var element = i.ToString(CultureInfo.InvariantCulture) + "." + step.ToString(CultureInfo.InvariantCulture);
                    now[key] = [.. now[key], element];
                    steps.Add($"append {key} {element}");
                }
                else
                {
                    steps.Add($"read {key} {string.Join(' ', seen[key])}".TrimEnd());
                }
            }

            past.Add(now);
            history.Add(Spread(chance, i, isStale, steps));
        }

        // Whoever comes last sees all.
        history.Add(Op.Txn(count, 1000L * (count + 9), 1000L * (count + 10), [.. Keys.Select(key => $"read {key} {string.Join(' ', past[^1][key])}".TrimEnd())]));
        return history;
    }

    public static List<Invocation> Registers(int seed, int count)
    {
        var chance = new Random(seed);
        var now = Keys.ToDictionary(key => key, _ => ((string?)null, 0L));
        var history = new List<Invocation>();
        for (var i = 0; i < count; i++)
        {
            var revision = i + 2L;
            var wrote = new Dictionary<string, string>();
            var steps = new List<string>();
            foreach (var key in Keys.Where(_ => chance.Next(2) == 0))
            {
                var (value, at) = now[key];
                if (chance.Next(3) > 0)
                {
                    steps.Add(value is null ? $"look {key}" : $"look {key} {value} {at}");
                }

                if (chance.Next(2) == 0)
                {
                    steps.Add($"write {key} {i}");
                    wrote[key] = i.ToString(CultureInfo.InvariantCulture);
                }
            }

            var transaction = Spread(chance, i, false, steps) with { Revision = wrote.Count > 0 ? revision : null, Wrote = wrote.Count > 0 };
            history.Add(chance.Next(15) == 0 ? transaction.Lost() : transaction);
            foreach (var (key, value) in wrote)
            {
                now[key] = (value, revision);
            }
        }

        return history;
    }

    private static Invocation Spread(Random chance, int i, bool isAtOnce, List<string> steps)
    {
        var at = 1000L * (i + 3);
        return Op.Txn(i, at - (isAtOnce ? 0 : chance.Next(0, 2500)), at + (isAtOnce ? 1 : chance.Next(0, 2500)), [.. steps]);
    }
}
