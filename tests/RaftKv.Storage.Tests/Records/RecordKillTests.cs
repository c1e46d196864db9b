using System.Diagnostics;
using System.Globalization;
using RaftKv.Storage.CrashWriter;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records.Faster;

namespace RaftKv.Storage.Tests.Records;

/// <summary>
/// Kills a real process (tests/RaftKv.Storage.CrashWriter) while it puts, checkpoints and reclaims on the real disk, over and
/// over on the same store, and looks for what its last checkpoint covered. RAFTKV_KILLS sets how often; 8 by default.
/// </summary>
public sealed class RecordKillTests
{
    private const ulong Identity = 0xFEED;

    [Fact]
    public void Whatever_a_killed_process_had_checkpointed_is_there()
    {
        var kills = int.Parse(Environment.GetEnvironmentVariable("RAFTKV_KILLS") ?? "8", CultureInfo.InvariantCulture);
        using var folder = new TemporaryFolder();
        var random = new Random(1);
        var promised = default(Promise);
        for (var kill = 0; kill < kills; kill++)
        {
            promised = PutUntilKilled(folder.Path, kill, promised, lines: random.Next(0, 60), random.Next(20));
            if (promised.Token is not null)
            {
                AssertKept(folder.Path, promised, $"kill {kill}");
            }
        }

        Assert.True(promised.End > promised.Oldest);
    }

    private static Promise PutUntilKilled(string folder, int seed, Promise promised, int lines, int millisecondsMore)
    {
        // With the frameworks of the tests, beside which it lies: what those bring is not copied there.
        string[] arguments =
        [
            "exec",
            "--runtimeconfig",
            Path.Join(AppContext.BaseDirectory, "RaftKv.Storage.Tests.runtimeconfig.json"),
            "--depsfile",
            Path.Join(AppContext.BaseDirectory, "RaftKv.Storage.Tests.deps.json"),
            Path.Join(AppContext.BaseDirectory, "RaftKv.Storage.CrashWriter.dll"),
            "records",
            folder,
            seed.ToString(CultureInfo.InvariantCulture),
        ];
        if (promised.Token is not null)
        {
            arguments =
            [
                .. arguments,
                promised.Token,
                promised.Oldest.ToString(CultureInfo.InvariantCulture),
                promised.End.ToString(CultureInfo.InvariantCulture),
            ];
        }

        using var writer = Process.Start(new ProcessStartInfo("dotnet", arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var complaint = writer.StandardError.ReadToEndAsync();
        try
        {
            for (var i = 0; i <= lines; i++)
            {
                var line = writer.StandardOutput.ReadLine();
                if (line is null)
                {
                    throw new InvalidOperationException($"The writer ended by itself: {complaint.Result}");
                }

                promised = Read(line, promised);
            }

            // To die elsewhere than just after a line. Nothing depends on how long it is.
            Thread.Sleep(millisecondsMore);
            writer.Kill();

            // What it still said before it died was promised too.
            while (writer.StandardOutput.ReadLine() is { } line)
            {
                promised = Read(line, promised);
            }

            return promised;
        }
        finally
        {
            writer.Kill();
            writer.WaitForExit();
        }
    }

    private static Promise Read(string line, Promise promised)
    {
        var words = line.Split(' ');
        return words is ["checkpoint", var token, var oldest, var end]
            ? new Promise(
                token, long.Parse(oldest, CultureInfo.InvariantCulture), long.Parse(end, CultureInfo.InvariantCulture))
            : promised;
    }

    private static void AssertKept(string folder, Promise promised, string when)
    {
        using var store = FasterRecordStore.Open(
            new PhysicalFileSystem(), folder, Identity, Convert.FromHexString(promised.Token!), RecordCrashWriter.Options);
        using var reader = store.OpenReader();
        for (var main = 1L; main < promised.End; main++)
        {
            if (main >= promised.Oldest || RecordCrashWriter.IsForEver(main))
            {
                var sink = new CollectingSink();
                Assert.True(reader.TryRead(new Revision(main, 0), sink), $"{main} is missing after {when}: {promised}");
                Assert.Equal(RecordCrashWriter.RecordOf(main), sink.Records[0].Record);
            }
        }

        var found = new CollectingSink();
        store.Scan(found);
        Assert.Superset(
            Enumerable.Range(0, (int)(promised.End - promised.Oldest)).Select(i => new Revision(promised.Oldest + i, 0)).ToHashSet(),
            found.Records.Select(record => record.Revision).ToHashSet());

        // Three thousand records of 350 bytes, those that stay for ever, and what was not reclaimed yet.
        Assert.InRange(store.DiskBytes, 1, 64 * 1024 * 1024);
    }

    private readonly record struct Promise(string? Token, long Oldest, long End);
}
