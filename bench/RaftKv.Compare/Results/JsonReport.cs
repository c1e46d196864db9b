using System.Text.Json;
using RaftKv.Compare.Contenders;
using RaftKv.Compare.Works;

namespace RaftKv.Compare.Results;

/// <summary>A comparison for programs: all rounds, and what was made of them.</summary>
internal static class JsonReport
{
    private static readonly JsonSerializerOptions SetupForm = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, IgnoreReadOnlyProperties = true };

    public static byte[] Of(string header, Setup setup, IReadOnlyList<(string Title, Setup Setup, Summary Summary)> parts, IReadOnlyList<Work> works, IReadOnlyList<Goal> goals)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("header", header);
            json.WritePropertyName("setup");
            JsonSerializer.Serialize(json, setup, SetupForm);
            json.WriteStartArray("parts");
            foreach (var (title, partSetup, summary) in parts)
            {
                json.WriteStartObject();
                json.WriteString("title", title);
                WriteWorks(json, summary, partSetup, works);
                WriteGoals(json, summary, goals);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static void WriteWorks(Utf8JsonWriter json, Summary summary, Setup setup, IReadOnlyList<Work> works)
    {
        json.WriteStartArray("works");
        foreach (var work in works.Where(work => summary.Works.Contains(work.Name)))
        {
            json.WriteStartObject();
            json.WriteString("name", work.Name);
            json.WriteString("title", work.Title(setup));
            json.WriteStartObject("contenders");
            foreach (var contender in summary.Contenders)
            {
                json.WriteStartObject(contender);
                json.WriteStartObject("medians");
                foreach (var figure in summary.FiguresOf(work.Name))
                {
                    if (summary.Median(work.Name, contender, figure) is { } median)
                    {
                        json.WriteNumber(figure, median);
                    }
                }

                json.WriteEndObject();
                json.WriteStartArray("rounds");
                foreach (var outcome in summary.Outcomes.Where(outcome => outcome.Work == work.Name && outcome.Contender == contender))
                {
                    json.WriteStartObject();
                    foreach (var (figure, value) in outcome.Figures)
                    {
                        json.WriteNumber(figure, value);
                    }

                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteGoals(Utf8JsonWriter json, Summary summary, IReadOnlyList<Goal> goals)
    {
        json.WriteStartArray("goals");
        foreach (var goal in goals)
        {
            var etcd = summary.Median(goal.Work, Contender.Etcd, goal.Of);
            var ours = summary.Median(goal.Work, Contender.RaftKv, goal.Of);
            if (goal.Reached(etcd, ours) is { } reached)
            {
                json.WriteStartObject();
                json.WriteString("row", goal.Row);
                json.WriteString("work", goal.Work);
                json.WriteString("figure", goal.Of);
                json.WriteNumber("limit", goal.Limit);
                json.WriteBoolean("isAtLeast", goal.IsAtLeast);
                json.WriteNumber("reached", reached);
                json.WriteBoolean("isMet", goal.IsMet(reached));
                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
    }
}
