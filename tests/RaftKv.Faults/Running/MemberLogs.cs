using System.Text.RegularExpressions;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Running;

/// <summary>Looks for what no member should print.</summary>
internal static partial class MemberLogs
{
    private const int MostLines = 20;
    private const int LongestText = 500;

    public static IEnumerable<LogLine> Scan(string folder, string program)
    {
        var bad = program == "etcd" ? Etcd() : RaftKv();
        return Directory.GetFiles(folder, "*.log").Order(StringComparer.Ordinal)
            .SelectMany(file => File.ReadLines(file)
                .Where(line => bad.IsMatch(line))
                .Select(line => new LogLine { Member = Path.GetFileNameWithoutExtension(file), Text = line[..Math.Min(line.Length, LongestText)] }))
            .Take(MostLines);
    }

    [GeneratedRegex("^panic:|\"level\":\"(fatal|panic)\"| C \\| |signal SIG")]
    private static partial Regex Etcd();

    [GeneratedRegex("Unhandled exception|UnobservedTask|InvariantException|\\bcrit:|\"(Critical|crit|fatal)\"|Fatal error|Assertion failed")]
    private static partial Regex RaftKv();
}
