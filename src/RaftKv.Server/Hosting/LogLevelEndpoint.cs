using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace RaftKv.Server.Hosting;

/// <summary>
/// <c>PUT /config/local/log</c> with <c>{"Level":"DEBUG"}</c>, as etcd 3.4 had it, and a GET that tells the level. On the
/// client ports from this machine alone; on the ports for metrics, which are the operators', from anywhere.
/// </summary>
internal static class LogLevelEndpoint
{
    public const string Path = "/config/local/log";

    private const int BodyMax = 1024;

    public static void Map(IApplicationBuilder app, LogLevelSwitch levels, ILogger log, bool isForOperators)
        => app.Use((http, next) => http.Request.Path.Value != Path ? next(http)
            : isForOperators || http.Connection.RemoteIpAddress is { } peer && IPAddress.IsLoopback(peer) ? AnswerAsync(http, levels, log)
            : TellAsync(http, StatusCodes.Status403Forbidden, "The log level is changed from the member's own machine, or on --listen-metrics-urls."));

    private static async Task AnswerAsync(HttpContext http, LogLevelSwitch levels, ILogger log)
    {
        if (HttpMethods.IsPut(http.Request.Method))
        {
            if (await ReadAsync(http).ConfigureAwait(false) is not { } level)
            {
                await TellAsync(http, StatusCodes.Status400BadRequest, """The body must be {"Level":"DEBUG"}, or INFO, WARN or ERROR.""").ConfigureAwait(false);
                return;
            }

            levels.Level = level;
            var peer = http.Connection.RemoteIpAddress?.ToString() ?? "somebody";
            Log.LevelChanged(log, level, peer);
        }
        else if (!HttpMethods.IsGet(http.Request.Method))
        {
            http.Response.Headers.Allow = "GET, PUT";
            await TellAsync(http, StatusCodes.Status405MethodNotAllowed, "Method Not Allowed").ConfigureAwait(false);
            return;
        }

        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync($$"""{"Level":"{{NameOf(levels.Level)}}"}""" + "\n", http.RequestAborted).ConfigureAwait(false);
    }

    private static async ValueTask<LogLevel?> ReadAsync(HttpContext http)
    {
        var body = new byte[BodyMax];
        var length = await http.Request.Body.ReadAtLeastAsync(body, BodyMax, throwOnEndOfStream: false, http.RequestAborted).ConfigureAwait(false);
        try
        {
            using var json = JsonDocument.Parse(body.AsMemory(0, length));
            return json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("Level", out var text)
                && text.ValueKind == JsonValueKind.String
                && LogLevelSwitch.TryParse(text.GetString(), out var level)
                    ? level
                    : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace or LogLevel.Debug => "DEBUG",
        LogLevel.Information => "INFO",
        LogLevel.Warning => "WARN",
        _ => "ERROR",
    };

    private static Task TellAsync(HttpContext http, int status, string text)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "text/plain; charset=utf-8";
        return http.Response.WriteAsync(text + "\n", http.RequestAborted);
    }
}
