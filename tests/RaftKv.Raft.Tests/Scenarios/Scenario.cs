using System.Text;

namespace RaftKv.Raft.Tests.Scenarios;

/// <summary>
/// A story in a text file: comments, commands, and below each command's dashes what the members said and did.
/// <code>
/// # One acknowledgement out of three nodes is not enough.
/// propose 1 a
/// ----
/// 1 appends 2/3
/// </code>
/// A blank line ends the output. With RAFTKV_REWRITE=1 the outputs are written instead of compared: the diff is then
/// what is to be reviewed, since a transcript is an expectation and not a recording.
/// </summary>
internal sealed class Scenario
{
    private const string Dashes = "----";

    private readonly string _path;
    private readonly string _text;

    private Scenario(string path)
    {
        _path = path;
        _text = File.ReadAllText(path).ReplaceLineEndings("\n");
    }

    private static bool Rewrites => Environment.GetEnvironmentVariable("RAFTKV_REWRITE") == "1";

    public static Scenario Load(string path) => new(path);

    public static string Folder
    {
        get
        {
            // The files are read from the source tree, so that rewriting them changes what is committed.
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder.FullName, "RaftKv.sln")))
            {
                folder = folder.Parent ?? throw new InvalidOperationException("The source tree is not above the tests.");
            }

            return Path.Combine(folder.FullName, "tests", "RaftKv.Raft.Tests", "Scenarios");
        }
    }

    public void RunAgainst(ScenarioCluster cluster)
    {
        var played = Play(new ScenarioCommands(cluster));
        if (Rewrites)
        {
            File.WriteAllText(_path, played);
            return;
        }

        Assert.Equal(_text, played);
    }

    private string Play(ScenarioCommands commands)
    {
        var played = new StringBuilder();
        var lines = _text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i];
            var isCommand = line.Length > 0 && line[0] != '#';
            if (!isCommand)
            {
                // The last line break of the file shows up as an empty line.
                played.Append(line).Append(i < lines.Length - 1 ? "\n" : "");
                continue;
            }

            var output = commands.Run(line).TrimEnd('\n');
            played.Append(line).Append('\n').Append(Dashes).Append('\n').Append(output.Length > 0 ? output : "nothing").Append('\n');

            // Skip what the file says it should be.
            if (i + 1 < lines.Length && lines[i + 1] == Dashes)
            {
                i++;
                while (i + 1 < lines.Length && lines[i + 1].Length > 0)
                {
                    i++;
                }
            }
        }

        return played.ToString();
    }
}
