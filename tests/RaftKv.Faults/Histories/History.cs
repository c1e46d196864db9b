using System.Text.Json;

namespace RaftKv.Faults.Histories;

/// <summary>Everything that is known of a run, in the order in which operations ended.</summary>
/// <example><code>
/// var history = History.Read("faults/register-kill-leader-7/history.jsonl");
/// Console.WriteLine(history.Operations.Count(operation => operation.IsOk));
/// </code></example>
internal sealed class History
{
    public const string FileName = "history.jsonl";

    public required RunLine Run { get; init; }

    public IReadOnlyList<Invocation> Operations { get; init; } = [];

    public IReadOnlyList<FaultLine> Faults { get; init; } = [];

    public IReadOnlyList<PhaseLine> Phases { get; init; } = [];

    public IReadOnlyList<ExitLine> Exits { get; init; } = [];

    public IReadOnlyList<LogLine> Logs { get; init; } = [];

    public IReadOnlyList<ObjectsLine> Objects { get; init; } = [];

    public PhaseLine? Phase(string name) => Phases.FirstOrDefault(phase => phase.Name == name);

    /// <exception cref="HistoryException">It is not there, or a line is not one; the text says which and why.</exception>
    public static History Read(string path)
    {
        try
        {
            using var lines = File.OpenText(path);
            return Read(lines, path);
        }
        catch (IOException missing)
        {
            throw new HistoryException($"'{path}' cannot be read: {missing.Message}", missing);
        }
    }

    public static History Read(TextReader text, string name)
    {
        RunLine? run = null;
        var all = new List<HistoryLine>();
        var number = 0;
        while (text.ReadLine() is { } line)
        {
            number++;
            if (line.Length == 0)
            {
                continue;
            }

            var parsed = Parse(line, name, number);
            if (parsed is RunLine first)
            {
                run = run is null ? first : throw Bad(name, number, "a history has one line of type 'run', and here is a second");
            }
            else if (run is null)
            {
                throw Bad(name, number, "the first line must be of type 'run'");
            }

            all.Add(parsed);
        }

        return Of(run ?? throw Bad(name, number, "there is no line of type 'run'; is the file empty?"), all);
    }

    public static History Of(RunLine run, IEnumerable<HistoryLine> lines)
    {
        var all = lines.ToList();
        return new()
        {
            Run = run,
            Operations = [.. all.OfType<Invocation>()],
            Faults = [.. all.OfType<FaultLine>()],
            Phases = [.. all.OfType<PhaseLine>()],
            Exits = [.. all.OfType<ExitLine>()],
            Logs = [.. all.OfType<LogLine>()],
            Objects = [.. all.OfType<ObjectsLine>()],
        };
    }

    private static HistoryLine Parse(string line, string name, int number)
    {
        try
        {
            var parsed = JsonSerializer.Deserialize<HistoryLine>(line, HistoryWriter.Json) ?? throw Bad(name, number, "it is null");
            return Problem(parsed) is { } problem ? throw Bad(name, number, problem) : parsed;
        }
        catch (Exception bad) when (bad is JsonException or NotSupportedException)
        {
            throw new HistoryException($"{name}:{number}: {bad.Message}", bad);
        }
    }

    private static string? Problem(HistoryLine line) => line switch
    {
        RunLine { Format: not RunLine.CurrentFormat } run => $"its format is {run.Format}, and this program reads {RunLine.CurrentFormat}",
        Invocation operation when operation.End < operation.Begin => $"it ends at {operation.End}, before it begins at {operation.Begin}",
        Invocation { Begin: < 0 } => "it begins before the run did",
        FaultLine fault when fault.End < fault.Begin => $"the fault ends at {fault.End}, before it begins at {fault.Begin}",
        _ => null,
    };

    private static HistoryException Bad(string name, int number, string what) => new($"{name}:{number}: {what}.");
}

/// <summary>A history cannot be read.</summary>
internal sealed class HistoryException(string message, Exception? cause = null) : Exception(message, cause);
