using System.CommandLine;
using System.Globalization;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

namespace RaftKv.Cli;

/// <summary><c>raftkv wal dump|verify DIR</c>: a look at a write-ahead log, without changing it.</summary>
internal static class WalCommand
{
    public static Command Create()
    {
        var wal = new Command("wal", "Look at a write-ahead log without changing it");
        wal.Subcommands.Add(Inspection("dump", "Print every record, oldest first, and what a start would make of them", isDump: true));
        wal.Subcommands.Add(Inspection("verify", "Read everything and judge it as a start would", isDump: false));
        return wal;
    }

    private static Command Inspection(string name, string description, bool isDump)
    {
        var directory = new Argument<string>("DIR") { Description = "The folder that holds the segments" };
        var command = new Command(name, description) { directory };
        command.SetAction(parsed => Inspect(
            parsed.GetRequiredValue(directory), isDump, parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error));
        return command;
    }

    private static int Inspect(string directory, bool isDump, TextWriter output, TextWriter error)
    {
        if (!Directory.Exists(directory))
        {
            error.WriteLine($"raftkv: there is no folder {directory}.");
            return 1;
        }

        try
        {
            var report = WalInspection.Dump(
                new PhysicalFileSystem(), directory, record => { if (isDump) { output.WriteLine(record.ToString()); } });
            Write(report, output);
            return 0;
        }
        catch (StorageException refused)
        {
            error.WriteLine($"raftkv: {refused.Message}");
            return 1;
        }
    }

    private static void Write(WalReport report, TextWriter output)
    {
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"log {report.Identity:x16}: {report.RecordCount} records in {report.BatchCount} appends, {report.Segments.Count} segments"));
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"entries after {report.Start} up to {report.Last}; term {report.HardState.Term}, vote {report.HardState.Vote}, commit {report.HardState.Commit}"));
        if (report.TornTail is { } torn)
        {
            output.WriteLine($"a start would cut off an unfinished append: {torn}");
        }

        foreach (var leftover in report.Leftovers)
        {
            output.WriteLine($"a start would delete the leftover {leftover}");
        }
    }
}
