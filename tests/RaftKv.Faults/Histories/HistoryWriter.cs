using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace RaftKv.Faults.Histories;

/// <summary>Writes what happens into history.jsonl while it happens, so that a run that is cut short leaves what it has.</summary>
internal sealed class HistoryWriter(TextWriter text) : IDisposable
{
    /// <summary>A line as it stands in the file.</summary>
    public static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowOutOfOrderMetadataProperties = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
    };

    private readonly Lock _gate = new();
    private readonly List<HistoryLine> _lines = [];
    private RunLine? _run;

    public static HistoryWriter Create(string path) => new(new StreamWriter(path, append: false));

    public void Add(HistoryLine line)
    {
        var written = JsonSerializer.Serialize(line, Json);
        lock (_gate)
        {
            _run ??= line as RunLine;
            _lines.Add(line);
            text.WriteLine(written);
        }
    }

    /// <summary>What was written so far.</summary>
    public History ToHistory()
    {
        lock (_gate)
        {
            text.Flush();
            return History.Of(_run ?? throw new InvalidOperationException("A history begins with what is run."), _lines);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            text.Dispose();
        }
    }
}
