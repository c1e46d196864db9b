namespace RaftKv.Cli.Commands.Text;

/// <summary>Whether a word may be a mistyped other one.</summary>
internal static class Spelling
{
    public static bool IsClose(string known, string typed)
    {
        var allowed = Math.Min(2, typed.Length / 3);
        return Distance(known, typed) <= allowed;
    }

    // Insertions, deletions and replacements that make one word of the other.
    private static int Distance(string from, string to)
    {
        var row = Enumerable.Range(0, to.Length + 1).ToArray();
        for (var i = 0; i < from.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i + 1;
            for (var j = 0; j < to.Length; j++)
            {
                var replaced = diagonal + (from[i] == to[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(replaced, Math.Min(row[j], row[j + 1]) + 1);
            }
        }

        return row[to.Length];
    }
}
