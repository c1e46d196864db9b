namespace RaftKv.Differential.Sequences;

/// <summary>A sequence of operations as text, one a line; what follows a # at the start of a line is for people.</summary>
public static class Script
{
    public static IReadOnlyList<Operation> Parse(string text)
        => [.. text.Split('\n')
            .Select(line => line.Trim())
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(Operation.Parse)];

    public static string Write(IEnumerable<Operation> operations) => string.Concat(operations.Select(operation => $"{operation}\n"));
}
