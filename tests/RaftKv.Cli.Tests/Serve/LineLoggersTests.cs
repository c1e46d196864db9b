using System.Text.Json;
using Microsoft.Extensions.Logging;
using RaftKv.Cli.Serve;
using RaftKv.Cli.Serve.Logging;

namespace RaftKv.Cli.Tests.Serve;

/// <summary>How lines of the log look, and where they go.</summary>
public sealed class LineLoggersTests : IDisposable
{
    private static readonly InvalidOperationException Trouble = new("it broke");

    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-logs-").FullName;

    private string File => Path.Join(_folder, "member.log");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Json_has_the_message_and_its_values()
    {
        await WriteAsync(isJson: true, log => log.LogWarning("Member {Member} took {Milliseconds} ms over \"{Odd}\"", 7UL, 1.5, "line\nend"));

        var line = Assert.Single(await LinesAsync());
        using var json = JsonDocument.Parse(line);
        Assert.Equal("warn", json.RootElement.GetProperty("level").GetString());
        Assert.Equal("2026-01-02T03:04:05.678901Z", json.RootElement.GetProperty("ts").GetString());
        Assert.Equal("raftkv", json.RootElement.GetProperty("logger").GetString());
        Assert.Equal("Member 7 took 1.5 ms over \"line\nend\"", json.RootElement.GetProperty("msg").GetString());
        Assert.Equal(7, json.RootElement.GetProperty("member").GetInt32());
        Assert.Equal(1.5, json.RootElement.GetProperty("milliseconds").GetDouble());
        Assert.Equal("line\nend", json.RootElement.GetProperty("odd").GetString());
    }

    [Fact]
    public async Task A_line_for_people_is_one_line_with_the_exception_below()
    {
        await WriteAsync(isJson: false, log => log.LogError(Trouble, "Two\nlines"));

        var lines = await LinesAsync();
        Assert.Equal("2026-01-02T03:04:05.678Z error raftkv: Two lines", lines[0]);
        Assert.Equal("  System.InvalidOperationException: it broke", lines[1]);
    }

    [Fact]
    public async Task Json_has_the_exception_in_its_line()
    {
        await WriteAsync(isJson: true, log => log.LogCritical(Trouble, "Broken"));

        using var json = JsonDocument.Parse(Assert.Single(await LinesAsync()));
        Assert.Equal("fatal", json.RootElement.GetProperty("level").GetString());
        Assert.Contains("it broke", json.RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_is_added_to()
    {
        await WriteAsync(isJson: false, log => log.LogInformation("first"));
        await WriteAsync(isJson: false, log => log.LogInformation("second"));

        Assert.Equal(2, (await LinesAsync()).Length);
    }

    [Fact]
    public void What_cannot_be_written_to_is_refused_by_name()
    {
        Assert.Contains("nowhere", Assert.Throws<FlagException>(() => LogOutput.Open([Path.Join(_folder, "nowhere", "x.log")])).Message, StringComparison.Ordinal);
        Assert.Contains("systemd/journal", Assert.Throws<FlagException>(() => LogOutput.Open(["systemd/journal"])).Message, StringComparison.Ordinal);
    }

    private Task<string[]> LinesAsync() => System.IO.File.ReadAllLinesAsync(File, TestContext.Current.CancellationToken);

    private Task WriteAsync(bool isJson, Action<ILogger> write)
    {
        using var output = LogOutput.Open([File]);
        using var loggers = new LineLoggers(output, isJson, new Clock());
        write(loggers.CreateLogger("raftkv"));
        return Task.CompletedTask;
    }

    private sealed class Clock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero).AddMicroseconds(901);
    }
}
