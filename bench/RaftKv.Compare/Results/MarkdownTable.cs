using System.Globalization;
using System.Text;
using RaftKv.Compare.Works;

namespace RaftKv.Compare.Results;

/// <summary>A comparison as Markdown: goals first, then everything that was measured.</summary>
internal static class MarkdownTable
{
    public static string Of(Summary summary, IReadOnlyList<Work> works, IReadOnlyList<Goal> goals, Setup setup)
    {
        var text = new StringBuilder();
        if (!setup.HasStandardSizes)
        {
            text.Append("Some sizes are not those that the goals are stated for.\n\n");
        }

        AddGoals(text, summary, goals);
        foreach (var work in works.Where(work => summary.Works.Contains(work.Name)))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n**{work.Name}**: {work.Title(setup)}\n\n");
            AddWork(text, summary, work.Name);
        }

        return text.ToString();
    }

    private static void AddGoals(StringBuilder text, Summary summary, IReadOnlyList<Goal> goals)
    {
        var isFirst = true;
        foreach (var goal in goals)
        {
            var etcd = summary.Median(goal.Work, Contenders.Contender.Etcd, goal.Of);
            var ours = summary.Median(goal.Work, Contenders.Contender.RaftKv, goal.Of);
            if (goal.Reached(etcd, ours) is not { } reached)
            {
                continue;
            }

            text.Append(isFirst ? "| goal | etcd | raftkv | reached | wanted | |\n| --- | --- | --- | --- | --- | --- |\n" : "");
            isFirst = false;
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {goal.Row} ({goal.Of}) | {Cell(etcd)} | {Cell(ours)} | {Number.Of(reached)}x | {goal.LimitText} | {(goal.IsMet(reached) ? "met" : "**missed**")} |\n");
        }
    }

    private static void AddWork(StringBuilder text, Summary summary, string work)
    {
        var contenders = summary.Contenders;
        var hasRatio = contenders.Contains(Contenders.Contender.Etcd) && contenders.Contains(Contenders.Contender.RaftKv);
        text.Append(CultureInfo.InvariantCulture, $"| | {string.Join(" | ", contenders)} |{(hasRatio ? " ratio |" : "")}\n");
        text.Append(CultureInfo.InvariantCulture, $"| --- |{string.Concat(contenders.Select(_ => " --- |"))}{(hasRatio ? " --- |" : "")}\n");
        foreach (var figure in summary.FiguresOf(work))
        {
            var values = contenders.Select(contender => summary.Median(work, contender, figure)).ToList();
            text.Append(CultureInfo.InvariantCulture, $"| {figure} | {string.Join(" | ", values.Select(Cell))} |");
            if (hasRatio)
            {
                var etcd = summary.Median(work, Contenders.Contender.Etcd, figure);
                var ours = summary.Median(work, Contenders.Contender.RaftKv, figure);
                text.Append(CultureInfo.InvariantCulture, $" {(etcd > 0 && ours is not null ? Number.Of(ours.Value / etcd.Value) + "x" : "")} |");
            }

            text.Append('\n');
        }
    }

    private static string Cell(double? value) => value is { } number ? Number.Of(number) : "-";
}
