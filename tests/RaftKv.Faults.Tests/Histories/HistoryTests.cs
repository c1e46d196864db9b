using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Histories;

public sealed class HistoryTests
{
    private const string Run = """{"type":"run","format":1,"workload":"register","nemesis":"none","target":"raftkv","members":3,"seconds":10,"rate":100,"seed":1,"network":"proxies"}""";

    [Fact]
    public void What_is_written_is_read_again()
    {
        using var text = new StringWriter();
        using var writer = new HistoryWriter(text);
        writer.Add(Op.Run());
        writer.Add(Op.Write(0, 0, 10, "a", 2));
        writer.Add(Op.Read(1, 5, 20, "a", 1, 2));
        writer.Add(Op.Txn(2, 5, 20, "append x 1", "read x 1"));
        writer.Add(Op.Of(3, "watch", 1, 2) with
        {
            Watch = [new WatchPart { Kind = WatchPartKind.Events, Events = [new WatchedEvent { Key = "k", Modified = 2, Value = "a", Version = 1, Created = 2 }] }],
        });
        writer.Add(new FaultLine { Kind = "kill", Begin = 3, End = 9, Hits = 1, Targets = ["m1"] });
        writer.Add(new PhaseLine { Name = PhaseLine.Quiet, Begin = 0, End = 5 });
        writer.Add(new ExitLine { Member = "m1", At = 3, Code = 137, Expected = true });
        writer.Add(new LogLine { Member = "m1", Text = "panic" });

        var history = History.Read(new StringReader(text.ToString()), "test");

        Assert.Equal(Op.Run(), history.Run);
        Assert.Equal(4, history.Operations.Count);
        Assert.Equal(Op.Write(0, 0, 10, "a", 2), history.Operations[0]);
        Assert.Equal(["1"], history.Operations[2].Steps![1].List!);
        Assert.Equal("k", history.Operations[3].Watch![0].Events![0].Key);
        Assert.Equal("m1", history.Faults[0].Targets[0]);
        Assert.Equal(5, history.Phase(PhaseLine.Quiet)!.End);
        Assert.True(history.Exits[0].Expected);
        Assert.Equal("panic", history.Logs[0].Text);
    }

    [Fact]
    public void An_operation_is_one_line_that_people_can_read()
    {
        using var text = new StringWriter();
        using var writer = new HistoryWriter(text);

        writer.Add(Op.Write(0, 0, 10, "a", 2));

        Assert.Equal(
            """{"type":"op","process":0,"call":"write","begin":0,"end":10,"outcome":"ok","key":"k","value":"a","revision":2,"wrote":true}""",
            text.ToString().TrimEnd());
    }

    [Theory]
    [InlineData("", "there is no line of type 'run'")]
    [InlineData("""{"type":"op","process":0,"call":"read","begin":0,"end":1,"outcome":"ok"}""", "test:1: the first line must be of type 'run'")]
    [InlineData(Run + "\n" + Run, "test:2: a history has one line of type 'run'")]
    [InlineData(Run + "\n{", "test:2:")]
    [InlineData(Run + "\n\n{\"type\":\"op\",\"call\":\"read\",\"begin\":0,\"end\":1,\"outcome\":\"ok\"}", "'process'")]
    [InlineData(Run + "\n" + """{"type":"op","process":0,"call":"read","begin":0,"end":1,"outcome":"perhaps"}""", "outcome")]
    [InlineData(Run + "\n" + """{"type":"op","process":0,"call":"read","begin":0,"end":1,"outcome":"ok","colour":"red"}""", "colour")]
    [InlineData(Run + "\n" + """{"type":"op","process":0,"call":"read","begin":7,"end":1,"outcome":"ok"}""", "test:2: it ends at 1, before it begins at 7")]
    [InlineData(Run + "\n" + """{"type":"story"}""", "test:2:")]
    public void A_bad_line_is_named_with_what_is_wrong_in_it(string text, string expected)
    {
        var bad = Assert.Throws<HistoryException>(() => History.Read(new StringReader(text), "test"));

        Assert.Contains(expected, bad.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_format_of_the_future_is_refused()
    {
        var text = Run.Replace("\"format\":1", "\"format\":2", StringComparison.Ordinal);

        var bad = Assert.Throws<HistoryException>(() => History.Read(new StringReader(text), "test"));

        Assert.Contains("its format is 2, and this program reads 1", bad.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        var bad = Assert.Throws<HistoryException>(() => History.Read("no-such-file.jsonl"));

        Assert.Contains("no-such-file.jsonl", bad.Message, StringComparison.Ordinal);
    }
}
