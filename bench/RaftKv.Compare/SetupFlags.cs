using System.CommandLine;
using RaftKv.Compare.Contenders;

namespace RaftKv.Compare;

/// <summary>The flags that every measuring command takes.</summary>
internal sealed class SetupFlags
{
    private static readonly Setup Standard = new();
    private readonly Option<string> _folder = new("--folder")
    {
        Description = "Where the data of all members lies while it is measured: on the disk that is of interest",
        HelpName = "FOLDER",
        DefaultValueFactory = _ => Standard.Folder,
    };

    private readonly Option<string?> _raftkv = new("--raftkv")
    {
        Description = "The raftkv to measure (or its .dll) [default: this tree's, published anew]",
        HelpName = "FILE",
    };

    private readonly Option<string> _etcd = new("--etcd")
    {
        Description = "The etcd to measure",
        HelpName = "FILE",
        DefaultValueFactory = _ => "etcd",
    };

    private readonly Option<string?> _only = new("--only") { Description = "One of the two alone", HelpName = "etcd|raftkv" };
    private readonly Option<string?> _markdown = new("--markdown") { Description = "Writes the tables into this file, too", HelpName = "FILE" };
    private readonly Option<string?> _json = new("--json") { Description = "Writes all rounds and their medians into this file", HelpName = "FILE" };
    private readonly Option<string?> _plots = new("--plots") { Description = "Draws them into this folder, as SVG", HelpName = "FOLDER" };
    private readonly Option<int> _members;
    private readonly Option<int> _rounds;
    private readonly Option<int> _seconds;
    private readonly Option<int> _warmUp;
    private readonly Option<int> _keys;
    private readonly Option<int> _manyKeys;
    private readonly Option<int> _listedValues;
    private readonly Option<int> _revisions;
    private readonly Option<int> _watchers;
    private readonly Option<int> _streams;
    private readonly Option<int> _watchedPuts;
    private readonly Option<int> _keyBytes;
    private readonly Option<int> _valueBytes;
    private readonly Option<int> _rate;

    public SetupFlags(Command command)
    {
        _raftkv.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !File.Exists(result.Tokens[^1].Value))
            {
                result.AddError($"There is no program at '{result.Tokens[^1].Value}' (--raftkv).");
            }
        });
        _only.AcceptOnlyFromAmong(Contender.Etcd, Contender.RaftKv);
        _rounds = Number("--rounds", "How often everything is measured; medians count", Standard.Rounds);
        _seconds = Number("--seconds", "How long each load is measured", Standard.Seconds);
        _warmUp = Number("--warm-up", "How many seconds a cluster is under load before", Standard.WarmUp, least: 0);
        _members = Number("--members", "Of a cluster", Standard.Members);
        _keys = Number("--keys", "How many keys loads choose from", Standard.Keys);
        _keyBytes = Number("--key-bytes", "How long keys are", Standard.KeyBytes, least: 10);
        _valueBytes = Number("--value-bytes", "How long values are", Standard.ValueBytes);
        _manyKeys = Number("--many-keys", "How many keys the member has that is started again, listed and saved", Standard.ManyKeys);
        _listedValues = Number("--listed-values", "How many of them are listed with their values", Standard.ListedValues);
        _revisions = Number("--revisions", "How many are compacted", Standard.Revisions);
        _watchers = Number("--watchers", "How many watch one key", Standard.Watchers);
        _streams = Number("--watch-streams", "On how many streams", Standard.WatchStreams);
        _watchedPuts = Number("--watched-puts", "How often that key is put", Standard.WatchedPuts);
        _rate = Number("--rate", "Puts a second where they come at a rate: putpaced, snapshot, compaction", (int)Standard.Rate);
        foreach (var option in (Option[])[
            _rounds, _seconds, _warmUp, _members, _keys, _keyBytes, _valueBytes, _manyKeys, _listedValues, _revisions,
            _watchers, _streams, _watchedPuts, _rate, _folder, _raftkv, _etcd, _only, _markdown, _json, _plots])
        {
            command.Options.Add(option);
        }
    }

    public Setup Setup(ParseResult parsed) => new()
    {
        Folder = parsed.GetValue(_folder)!,
        Members = parsed.GetValue(_members),
        Rounds = parsed.GetValue(_rounds),
        Seconds = parsed.GetValue(_seconds),
        WarmUp = parsed.GetValue(_warmUp),
        Keys = parsed.GetValue(_keys),
        KeyBytes = parsed.GetValue(_keyBytes),
        ValueBytes = parsed.GetValue(_valueBytes),
        ManyKeys = parsed.GetValue(_manyKeys),
        ListedValues = parsed.GetValue(_listedValues),
        Revisions = parsed.GetValue(_revisions),
        Watchers = parsed.GetValue(_watchers),
        WatchStreams = parsed.GetValue(_streams),
        WatchedPuts = parsed.GetValue(_watchedPuts),
        Rate = parsed.GetValue(_rate),
    };

    public async Task<IReadOnlyList<Contender>> ContendersAsync(ParseResult parsed)
    {
        var only = parsed.GetValue(_only);
        var contenders = new List<Contender>();
        if (only is null or Contender.Etcd)
        {
            contenders.Add(new Contender(Contender.Etcd, [parsed.GetValue(_etcd)!]));
        }

        if (only is null or Contender.RaftKv)
        {
            var program = Path.GetFullPath(parsed.GetValue(_raftkv) ?? await PublishedProgram.MakeAsync());
            contenders.Add(new Contender(Contender.RaftKv, program.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", program] : [program]));
        }

        return contenders;
    }

    /// <summary>Shows what came out, and writes it where the flags say.</summary>
    public async Task ReportAsync(ParseResult parsed, string markdown, byte[] json, IEnumerable<(string Name, string Svg)> plots)
    {
        await Console.Out.WriteLineAsync(markdown);
        if (parsed.GetValue(_markdown) is { } markdownFile)
        {
            await File.WriteAllTextAsync(markdownFile, markdown);
        }

        if (parsed.GetValue(_json) is { } jsonFile)
        {
            await File.WriteAllBytesAsync(jsonFile, json);
        }

        if (parsed.GetValue(_plots) is { } folder)
        {
            Directory.CreateDirectory(folder);
            foreach (var (name, svg) in plots)
            {
                await File.WriteAllTextAsync(Path.Join(folder, name), svg);
            }
        }
    }

    private static Option<int> Number(string name, string description, int standard, int least = 1)
    {
        var option = new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => standard };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && int.TryParse(result.Tokens[^1].Value, out var number) && number < least)
            {
                result.AddError($"{name} is {least} at least, not {number}.");
            }
        });
        return option;
    }
}
