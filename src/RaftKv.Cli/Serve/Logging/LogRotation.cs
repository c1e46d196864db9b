using System.Text.Json;
using System.Text.Json.Serialization;

namespace RaftKv.Cli.Serve.Logging;

/// <summary>When a file of the log makes room for a new one, and what becomes of it; as etcd's
/// <c>--log-rotation-config-json</c> says.</summary>
internal sealed record LogRotation
{
    /// <summary>etcd's default.</summary>
    public const string UsualText = """{"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}""";

    /// <summary>Megabytes of a file; 0 for 100.</summary>
    [JsonPropertyName("maxsize")]
    public int MaxMegabytes { get; init; }

    /// <summary>Days that an old file is kept; 0 for ever.</summary>
    [JsonPropertyName("maxage")]
    public int MaxDays { get; init; }

    /// <summary>Old files that are kept; 0 for all.</summary>
    [JsonPropertyName("maxbackups")]
    public int MaxBackups { get; init; }

    /// <summary>Whether the time in the name of an old file is that of this place, and not UTC.</summary>
    [JsonPropertyName("localtime")]
    public bool HasLocalTime { get; init; }

    /// <summary>Whether old files are compressed.</summary>
    [JsonPropertyName("compress")]
    public bool Compresses { get; init; }

    public long MaxBytes => (MaxMegabytes == 0 ? 100L : MaxMegabytes) * 1024 * 1024;

    /// <exception cref="FlagException">The text is nothing like that.</exception>
    public static LogRotation Parse(string text)
    {
        LogRotation? rotation;
        try
        {
            rotation = JsonSerializer.Deserialize(text, LogRotationJson.Default.LogRotation);
        }
        catch (JsonException wrong)
        {
            throw new FlagException($"--log-rotation-config-json is '{text}'; write it as {UsualText}. {wrong.Message}");
        }

        return rotation is { MaxMegabytes: >= 0, MaxDays: >= 0, MaxBackups: >= 0 }
            ? rotation
            : throw new FlagException($"--log-rotation-config-json is '{text}'; no number in it may be negative.");
    }
}

[JsonSourceGenerationOptions(UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(LogRotation))]
internal sealed partial class LogRotationJson : JsonSerializerContext;
