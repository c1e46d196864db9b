using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace RaftKv.Cli.Serve.Logging;

/// <summary>
/// One line for each message: as JSON, with etcd's names for what every line has and the message's own values beside them; or
/// for people.
/// <code>
/// {"level":"warn","ts":"2026-01-02T03:04:05.678901Z","logger":"raftkv","msg":"Applying took long: …","milliseconds":120.5}
/// 2026-01-02T03:04:05.678Z warn  raftkv: Applying took long: …
/// </code>
/// </summary>
internal sealed class LineLoggers(LogOutput output, bool isJson, TimeProvider time) : ILoggerProvider
{
    private readonly bool _isJson = isJson;

    public ILogger CreateLogger(string categoryName) => new LineLogger(this, categoryName);

    public void Dispose()
    {
        // The output is whoever's opened it.
    }

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace or LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "fatal",
    };

    private void WriteText(LogLevel level, string category, string message, Exception? exception)
    {
        var at = time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        var line = new StringBuilder($"{at} {NameOf(level),-5} {category}: {OneLine(message)}\n");
        if (exception is not null)
        {
            line.Append("  ").Append(exception.ToString().ReplaceLineEndings("\n  ")).Append('\n');
        }

        output.Write(line.ToString());
    }

    private void WriteJson(LogLevel level, string category, string message, IReadOnlyList<KeyValuePair<string, object?>>? values, Exception? exception)
    {
        var bytes = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("level", NameOf(level));
            json.WriteString("ts", time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", CultureInfo.InvariantCulture));
            json.WriteString("logger", category);
            json.WriteString("msg", message);
            foreach (var (name, value) in values ?? [])
            {
                if (name != "{OriginalFormat}")
                {
                    WriteValue(json, JsonNamingPolicy.CamelCase.ConvertName(name), value);
                }
            }

            if (exception is not null)
            {
                json.WriteString("error", exception.ToString());
            }

            json.WriteEndObject();
        }

        bytes.Write("\n"u8);
        output.Write(bytes.WrittenSpan);
    }

    private static void WriteValue(Utf8JsonWriter json, string name, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNull(name);
                break;
            case bool flag:
                json.WriteBoolean(name, flag);
                break;
            case double number when double.IsFinite(number):
                json.WriteNumber(name, number);
                break;
            case int or long or uint or ushort or short or byte:
                json.WriteNumber(name, Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            case ulong number:
                json.WriteNumber(name, number);
                break;
            default:
                json.WriteString(name, Convert.ToString(value, CultureInfo.InvariantCulture));
                break;
        }
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private sealed class LineLogger(LineLoggers lines, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var message = formatter(state, exception);
            if (lines._isJson)
            {
                lines.WriteJson(logLevel, category, message, state as IReadOnlyList<KeyValuePair<string, object?>>, exception);
            }
            else
            {
                lines.WriteText(logLevel, category, message, exception);
            }
        }
    }
}
