using System.IO.Compression;
using System.Text;
using RaftKv.Cli.Serve;
using RaftKv.Cli.Serve.Logging;

namespace RaftKv.Cli.Tests.Serve;

/// <summary>Files of the log that are begun anew when they have grown large.</summary>
public sealed class LogRotationTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-logs-").FullName;
    private readonly Clock _clock = new();

    private string Log => Path.Join(_folder, "member.log");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_file_that_is_full_gets_a_name_with_the_time_and_a_new_one_is_begun()
    {
        Write(new LogRotation { MaxMegabytes = 1 }, 'a', 'b', 'c');

        Assert.Equal(["member-2026-01-02T03-04-05.678.log", "member-2026-01-02T03-04-06.678.log", "member.log"], Names());
        Assert.Equal(("a", "b", "c"), (First("member-2026-01-02T03-04-05.678.log"), First("member-2026-01-02T03-04-06.678.log"), First("member.log")));
    }

    [Fact]
    public void One_that_was_there_already_counts()
    {
        File.WriteAllText(Log, new string('x', 900_000));
        Write(new LogRotation { MaxMegabytes = 1 }, 'a');

        Assert.Equal(["member-2026-01-02T03-04-05.678.log", "member.log"], Names());
        Assert.Equal("a", First("member.log"));
    }

    [Fact]
    public void As_many_old_ones_are_kept_as_are_wanted_and_no_stranger_is_touched()
    {
        File.WriteAllText(Path.Join(_folder, "member-notes.log"), "mine");
        Write(new LogRotation { MaxMegabytes = 1, MaxBackups = 1 }, 'a', 'b', 'c', 'd');

        Assert.Equal(["member-2026-01-02T03-04-07.678.log", "member-notes.log", "member.log"], Names());
    }

    [Fact]
    public void Old_ones_go_when_their_days_are_over()
    {
        Write(new LogRotation { MaxMegabytes = 1 }, 'a', 'b');
        _clock.Now += TimeSpan.FromDays(3);
        Write(new LogRotation { MaxMegabytes = 1, MaxDays = 2 }, 'c');

        Assert.Equal(["member-2026-01-05T03-04-06.678.log", "member.log"], Names());
    }

    [Fact]
    public void Old_ones_are_compressed_if_that_is_wanted()
    {
        Write(new LogRotation { MaxMegabytes = 1, Compresses = true }, 'a', 'b');

        Assert.Equal(["member-2026-01-02T03-04-05.678.log.gz", "member.log"], Names());
        using var packed = new GZipStream(File.OpenRead(Path.Join(_folder, "member-2026-01-02T03-04-05.678.log.gz")), CompressionMode.Decompress);
        using var text = new StreamReader(packed);
        Assert.Equal(700_000, text.ReadToEnd().Count(letter => letter == 'a'));
    }

    [Fact]
    public void Two_in_one_moment_have_names_of_their_own()
    {
        using (var file = new RotatingFile(Log, new LogRotation { MaxMegabytes = 1 }, _clock))
        {
            for (var i = 0; i < 3; i++)
            {
                file.Write(Line('a'));
            }
        }

        Assert.Equal(["member-2026-01-02T03-04-05.678.log", "member-2026-01-02T03-04-05.679.log", "member.log"], Names());
    }

    [Fact]
    public void What_etcd_has_as_its_default_is_understood()
    {
        Assert.Equal(new LogRotation { MaxMegabytes = 100 }, LogRotation.Parse(LogRotation.UsualText));
        Assert.Equal(100L * 1024 * 1024, LogRotation.Parse("{}").MaxBytes);
        Assert.Equal(
            new LogRotation { MaxMegabytes = 7, MaxDays = 3, MaxBackups = 2, HasLocalTime = true, Compresses = true },
            LogRotation.Parse("""{"maxsize": 7, "maxage": 3, "maxbackups": 2, "localtime": true, "compress": true}"""));
    }

    [Theory]
    [InlineData("100")]
    [InlineData("{\"maxsize\": \"large\"}")]
    [InlineData("{\"maxsize\": 1,")]
    [InlineData("{\"maxsize\": -1}")]
    [InlineData("{\"size\": 1}")]
    [InlineData("null")]
    public void Anything_else_is_refused_with_an_example(string text)
        => Assert.Contains("--log-rotation-config-json", Assert.Throws<FlagException>(() => LogRotation.Parse(text)).Message, StringComparison.Ordinal);

    private static byte[] Line(char letter) => Encoding.UTF8.GetBytes(new string(letter, 700_000) + "\n");

    // A line for each, a second apart; any two are too much for a megabyte.
    private void Write(LogRotation rotation, params ReadOnlySpan<char> letters)
    {
        using var file = new RotatingFile(Log, rotation, _clock);
        foreach (var letter in letters)
        {
            file.Write(Line(letter));
            _clock.Now += TimeSpan.FromSeconds(letter == 'a' ? 0 : 1);
        }
    }

    private string First(string name) => File.ReadAllText(Path.Join(_folder, name))[..1];

    private string[] Names() => [.. Directory.GetFiles(_folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
