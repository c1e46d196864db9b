using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Faults.Reporting;

namespace RaftKv.Faults.Tests.Reporting;

public sealed class HtmlReportTests
{
    [Fact]
    public void A_report_has_the_judgement_the_command_and_the_counter_example()
    {
        var html = Render(Stale().With(new FaultLine { Kind = "kill", Begin = 100, End = 900, Hits = 1, Targets = ["m1"], Detail = "kill -9 of one" }));

        Assert.Contains("<span class=\"fail\">fail</span>", html, StringComparison.Ordinal);
        Assert.Contains("No order explains", html, StringComparison.Ordinal);
        Assert.Contains("kill -9 of one", html, StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_is_whole_and_has_all_that_a_reader_needs()
    {
        var kill = new FaultLine { Kind = "kill", Begin = 100, End = 900, Hits = 1, Targets = ["m1"], Detail = "kill -9 of one & all" };
        const string Command = "dotnet run --project tests/RaftKv.Faults -- run --workload register --seed 7";
        var stale = Stale().With(kill);

        var body = Parse(Render(History.Of(stale.Run with { Command = Command }, [.. stale.Operations, .. stale.Faults]))).Root!.Element("body")!;

        Assert.Equal(Command, body.Element("pre")!.Value);
        Assert.Equal(["Operations and faults", "Latency and throughput"], body.Elements("h2").Take(2).Select(heading => heading.Value));
        Assert.Contains("linearizability", body.Elements("table").First().Descendants("td").Select(cell => cell.Value));
        Assert.Contains("kill -9 of one & all", body.Elements("table").Last().Descendants("td").Select(cell => cell.Value));

        // The timeline, two plots, and the counter-example.
        var drawings = body.Elements("svg").ToList();
        Assert.Equal(4, drawings.Count);
        Assert.All(drawings, drawing => Assert.Contains("kill -9 of one & all m1", drawing.Descendants("title").Select(title => title.Value)));
        Assert.Equal(["client 0", "client 1"], Texts(drawings[0]).Where(text => text.StartsWith("client", StringComparison.Ordinal)));
        Assert.Equal(2, drawings[1].Descendants("circle").Count());
        Assert.Contains("10 ms", Texts(drawings[1]));
        Assert.Equal(2, drawings[2].Descendants("polyline").Count());
        Assert.Contains("2/s", Texts(drawings[2]));
        Assert.Contains(Texts(drawings[3]), text => text.StartsWith("write k", StringComparison.Ordinal));
        Assert.Contains(Texts(drawings[3]), text => text.StartsWith("read k", StringComparison.Ordinal));
    }

    [Fact]
    public void Bars_and_bands_lie_within_their_drawing()
    {
        var late = new FaultLine { Kind = "kill", Begin = 1_500, End = 90_000_000, Hits = 1, Targets = ["m1"], Detail = "beyond the last operation" };

        foreach (var drawing in Parse(Render(Stale().With(late))).Descendants("svg"))
        {
            var width = (double)drawing.Attribute("width")!;
            Assert.All(drawing.Elements("rect"), bar => Assert.InRange((double)bar.Attribute("x")! + (double)bar.Attribute("width")!, 0, width));
        }
    }

    [Fact]
    public void What_clients_wrote_is_text_and_not_markup()
    {
        var html = Render(Op.History(Op.Write(0, 0, 5, "<script>", 2)));

        Assert.DoesNotContain("<script>", html, StringComparison.Ordinal);
        Assert.Contains("&lt;script&gt;", html, StringComparison.Ordinal);
    }

    [Fact]
    public void Its_drawings_are_well_formed()
    {
        var html = Render(Stale());

        var drawings = Regex.Matches(html, "<svg.*?</svg>", RegexOptions.Singleline);
        Assert.True(drawings.Count >= 4);
        Assert.All(drawings, drawing => XElement.Parse(drawing.Value));
    }

    [Fact]
    public void A_history_without_operations_has_a_report_too() => Assert.Contains("There are none.", Render(Op.History()), StringComparison.Ordinal);

    [Fact]
    public void What_must_be_found_passes_if_it_is_found_and_is_not_decided_if_not()
    {
        var overlap = Op.History(
            Op.Of(0, "acquire", 0, 1) with { Token = 5 }, Op.Of(1, "acquire", 2, 20) with { Token = 7 }, Op.Of(0, "release", 40, 41) with { Token = 5 });
        Assert.Equal(Judgement.Fail, Judge(overlap, "lock-unsafe").Verdicts[0].Judgement);
        Assert.Equal(Judgement.Unknown, Judge(overlap, "lock-unsafe").Result);
        Assert.Equal(Judgement.Unknown, Judge(Op.History(), "lock-unsafe").Result);
    }

    [Fact]
    public void A_workload_that_nobody_knows_cannot_be_judged() => Assert.Throws<HistoryException>(() => Judge(Op.History(), "no such workload"));

    private static XDocument Parse(string html)
    {
        using var reader = XmlReader.Create(new StringReader(html), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        return XDocument.Load(reader);
    }

    private static IEnumerable<string> Texts(XElement drawing) => drawing.Elements("text").Select(text => text.Value.Trim());

    private static History Stale() => Op.History(Op.Write(0, 0, 500, "a", 2), Op.Read(1, 1000, 2000, null, 0, 0, revision: 1));

    private static Judging Judge(History history, string workload)
        => Judging.Of(History.Of(history.Run with { Workload = workload }, history.Operations));

    private static string Render(History history) => HtmlReport.Render(history, Judging.Of(history));
}
