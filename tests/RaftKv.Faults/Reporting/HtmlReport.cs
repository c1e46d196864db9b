using System.Globalization;
using System.Net;
using System.Text;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Reporting;

/// <summary>A run on one page: what it was, how it is judged, what happened when, and the counter-examples drawn.</summary>
/// <remarks>It is XML as well as HTML, so that any parser can say whether it is whole.</remarks>
internal static class HtmlReport
{
    public const string FileName = "report.html";

    private const string Style =
        """
        body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1240px; color: #222; }
        h1 { font-size: 1.4em; } h2 { font-size: 1.1em; margin-top: 1.8em; }
        table { border-collapse: collapse; } td, th { padding: .25em .8em; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
        pre { background: #f4f4f4; padding: .6em; overflow-x: auto; }
        .pass { color: #176b2c; } .fail { color: #b00020; } .unknown { color: #9a6700; }
        svg { background: #fff; border: 1px solid #ddd; } svg text { font: 10px system-ui, sans-serif; fill: #444; }
        """;

    public static void Write(string path, History history, Judging judging) => File.WriteAllText(path, Render(history, judging));

    public static string Render(History history, Judging judging)
    {
        var html = new StringBuilder();
        var run = history.Run;
        html.Append(CultureInfo.InvariantCulture, $"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><title>{Text(run.Workload)}, {Text(run.Nemesis)}</title><style>{Style}</style></head><body>\n");
        html.Append(CultureInfo.InvariantCulture, $"<h1>{Text(run.Target)}: {Text(run.Workload)} under {Text(run.Nemesis)} — {Judged(judging.Result)}</h1>\n");
        html.Append(CultureInfo.InvariantCulture, $"<p>{run.Members} members, {run.Seconds} s, {run.Rate} operations/s, network of {Text(run.Network)}, seed {run.Seed}, {Text(run.StartedAt)}. Again:</p><pre>{Text(run.Command)}</pre>\n");
        Verdicts(html, judging);
        html.Append("<h2>Operations and faults</h2>\n").Append(Timeline.Draw(history, history.Operations, showsEverything: true));
        html.Append("<h2>Latency and throughput</h2>\n").Append(Plots.Latency(history)).Append("<br/>\n").Append(Plots.Throughput(history));
        Findings(html, history, judging);
        Faults(html, history);
        return html.Append("</body></html>\n").ToString();
    }

    public static string Text(string? text) => WebUtility.HtmlEncode(text ?? "");

    private static string Judged(Judgement judgement)
    {
        var name = judgement.ToString();
        return $"<span class=\"{name.ToLowerInvariant()}\">{name.ToLowerInvariant()}</span>";
    }

    private static void Verdicts(StringBuilder html, Judging judging)
    {
        html.Append("<table><tr><th>checker</th><th></th><th>looked at</th></tr>\n");
        foreach (var verdict in judging.Verdicts)
        {
            html.Append(CultureInfo.InvariantCulture, $"<tr><td>{Text(verdict.Checker)}</td><td>{Judged(verdict.Judgement)}</td><td>{Text(verdict.Note)}</td></tr>\n");
        }

        html.Append("</table>\n");
        if (judging.MustFail)
        {
            html.Append("<p>This workload shows what cannot be had: a failure of its own checker is what must be found.</p>\n");
        }
    }

    private static void Findings(StringBuilder html, History history, Judging judging)
    {
        foreach (var verdict in judging.Verdicts.Where(verdict => verdict.Findings.Count > 0))
        {
            html.Append(CultureInfo.InvariantCulture, $"<h2>{Text(verdict.Checker)}</h2>\n");
            foreach (var finding in verdict.Findings)
            {
                html.Append(CultureInfo.InvariantCulture, $"<h3>{Text(finding.Anomaly)}</h3><p>{Text(finding.Text)}</p>\n");
                if (finding.Operations.Count > 0)
                {
                    html.Append(Timeline.Draw(history, finding.Operations, showsEverything: false));
                }
            }
        }
    }

    private static void Faults(StringBuilder html, History history)
    {
        html.Append("<h2>Faults</h2><table><tr><th>from</th><th>to</th><th>kind</th><th>members</th><th>hits</th><th></th></tr>\n");
        foreach (var fault in history.Faults)
        {
            html.Append(CultureInfo.InvariantCulture, $"<tr><td>{fault.Begin / 1e6:F2} s</td><td>{fault.End / 1e6:F2} s</td><td>{Text(fault.Kind)}</td><td>{Text(string.Join(' ', fault.Targets))}</td><td>{fault.Hits}</td><td>{Text(fault.Detail)}</td></tr>\n");
        }

        html.Append("</table>\n");
    }
}
