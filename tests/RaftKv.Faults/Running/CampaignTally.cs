using System.Globalization;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Running;

/// <summary>What came of one run.</summary>
/// <param name="Judgement">What is to be said of it.</param>
/// <param name="History">Null if it was not made.</param>
/// <param name="Reason">Why it was not decided, if it was not.</param>
internal sealed record CameOf(Judgement Judgement, History? History, string Reason)
{
    /// <summary>Whether this machine cannot make such a run, and another try would not either.</summary>
    public bool IsImpossible { get; init; }
}

/// <summary>
/// What a campaign has shown: a table for people, why runs were not decided, and a last line for programs,
/// "N passed, N failed, N skipped". Skipped are those that nobody can judge.
/// </summary>
internal sealed class CampaignTally
{
    private readonly List<string> _rows = [];
    private readonly List<string> _reasons = [];
    private readonly List<Judgement> _judgements = [];

    public Judgement Worst => _judgements.DefaultIfEmpty(Judgement.Pass).Max();

    public void Add(PlannedRun planned, RunSettings settings, CameOf came)
    {
        var figures = came.History is not { } history ? "| | | " : string.Create(
            CultureInfo.InvariantCulture,
            $"{history.Operations.Count} | {history.Operations.Count(operation => operation.IsOk)} | {history.Operations.Count(operation => operation.Outcome == Outcome.Info)} | {history.Faults.Count}");
        var judgement = came.History is null ? $"{came.Judgement}, not run" : $"{came.Judgement}";
        Add(planned, came.Judgement, string.Create(CultureInfo.InvariantCulture, $"{settings.Seconds} | {figures} | {judgement} | {settings.Seed}"), came.Reason);
    }

    /// <summary>There was no time left for it.</summary>
    public void AddLeftOut(PlannedRun planned) => Add(planned, Judgement.Unknown, "| | | | | left out | ", "There was no time left for it.");

    public void Write(TextWriter text)
    {
        text.WriteLine("\n| scenario | workload | nemesis | members | seconds | operations | answered | unknown | faults | judgement | seed |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        _rows.ForEach(text.WriteLine);
        text.WriteLine();
        _reasons.ForEach(text.WriteLine);
        text.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{Count(Judgement.Pass)} passed, {Count(Judgement.Fail)} failed, {Count(Judgement.Unknown)} skipped"));
    }

    private void Add(PlannedRun planned, Judgement judgement, string figures, string reason)
    {
        _judgements.Add(judgement);
        _rows.Add(string.Create(CultureInfo.InvariantCulture, $"| {planned.Scenario?.Id} | {planned.Workload} | {planned.Nemesis} | {planned.Members} | {figures} |"));
        if (judgement == Judgement.Unknown)
        {
            _reasons.Add($"Not decided: {planned.Workload} under {planned.Nemesis}. {reason}");
        }
    }

    private int Count(Judgement judgement) => _judgements.Count(one => one == judgement);
}
