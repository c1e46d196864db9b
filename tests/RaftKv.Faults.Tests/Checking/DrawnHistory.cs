using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

/// <summary>A history of one key that happened in an order of its own: some overlap, some without an answer.</summary>
internal static class DrawnHistory
{
    public static List<Invocation> Of(int seed, int operations)
    {
        var chance = new Random(seed);
        var history = new List<Invocation>();
        var (value, version, created, modified, revision) = ((string?)null, 0L, 0L, 0L, 1L);
        for (var i = 0; i < operations; i++)
        {
            // It takes effect at its own moment, and its client sees up to three moments around it.
            var at = 1000L * (i + 3);
            var begin = at - chance.Next(0, 2500);
            var end = at + chance.Next(0, 2500);
            var before = value is null ? new KeyState() : new KeyState { Value = value, Version = version, Created = created, Modified = modified };
            var isLost = chance.Next(12) == 0;
            var isApplied = !isLost || chance.Next(2) == 0;
            var kind = i == 0 ? 0 : chance.Next(10);
            Invocation operation;
            if (kind < 3)
            {
                operation = Op.Write(i, begin, end, $"v{i}", revision + 1) with { Found = before };
                Apply($"v{i}");
            }
            else if (kind < 5)
            {
                var expected = chance.Next(2) == 0 ? value : "none of them";
                var isDone = value == expected;
                operation = Op.Cas(i, begin, end, expected, $"v{i}", isDone, isDone ? revision + 1 : revision);
                if (isDone)
                {
                    Apply($"v{i}");
                }
            }
            else if (kind == 5)
            {
                operation = Op.Delete(i, begin, end, value is not null, value is not null ? revision + 1 : revision);
                if (value is not null && isApplied)
                {
                    (value, version, created, modified, revision) = (null, 0, 0, 0, revision + 1);
                }
            }
            else
            {
                operation = Op.Of(i, "read", begin, end) with { Found = before, Revision = revision };
            }

            history.Add(isLost && i > 0 ? operation.Lost() : operation);

            void Apply(string written)
            {
                if (isApplied || i == 0)
                {
                    revision++;
                    (created, version) = value is null ? (revision, 1) : (created, version + 1);
                    (value, modified) = (written, revision);
                }
            }
        }

        return history;
    }
}
