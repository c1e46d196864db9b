using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RaftKv.Server.Metrics;

namespace RaftKv.Server.Api;

/// <summary>
/// What a client port answers over plain HTTP about the member itself: <c>/health</c>, <c>/livez</c> and <c>/readyz</c>
/// with their checks, and <c>/version</c>. Status, bodies and headers are etcd's.
/// </summary>
internal static class HealthEndpoints
{
    private const string PlainText = "text/plain; charset=utf-8";

    private delegate ValueTask<string?> Check(CancellationToken cancellation);

    /// <param name="app">Whose paths they become.</param>
    /// <param name="health">Which answers.</param>
    /// <param name="options">Which versions it speaks of.</param>
    /// <param name="counts">Where it is counted what was answered.</param>
    public static void Map(IApplicationBuilder app, MemberHealth health, ApiOptions options, HealthInstruments counts)
    {
        (string, Check)[] alive = [("serializable_read", health.LocalReadAsync)];
        (string, Check)[] ready =
        [
            ("data_corruption", health.NoCorruptionAsync),
            ("serializable_read", health.LocalReadAsync),
            ("linearizable_read", health.QuorumReadAsync),
            ("non_learner", health.NoLearnerAsync),

            // Not with etcd, and so only where there are some.
            .. health.HasCertificates ? new (string, Check)[] { ("certificates", health.CertificatesAsync) } : [],
        ];
        var answers = new Dictionary<string, RequestDelegate>(StringComparer.Ordinal)
        {
            ["/version"] = http => WriteVersionAsync(http, options),
            ["/health"] = http => WriteHealthAsync(http, health, counts),
        };
        Add(answers, "/livez", alive, counts);
        Add(answers, "/readyz", ready, counts);
        app.Use((http, next) => !answers.TryGetValue(http.Request.Path.Value ?? "", out var answer) ? next(http)
            : HttpMethods.IsGet(http.Request.Method) ? answer(http)
            : WriteWrongMethodAsync(http));
    }

    private static void Add(
        Dictionary<string, RequestDelegate> answers, string path, (string Name, Check Run)[] checks, HealthInstruments counts)
    {
        var type = path[1..];
        var counted = checks.Select(check => (check.Name, Counted(type, check.Name, check.Run, counts))).ToArray();
        answers[path] = http => WriteChecksAsync(http, counted);
        foreach (var check in counted)
        {
            answers[$"{path}/{check.Name}"] = http => WriteChecksAsync(http, [check]);
        }
    }

    private static Check Counted(string type, string name, Check check, HealthInstruments counts)
    {
        counts.Register(type, name);
        return async cancellation =>
        {
            var trouble = await check(cancellation).ConfigureAwait(false);
            counts.Checked(type, name, isWell: trouble is null);
            return trouble;
        };
    }

    private static async Task WriteHealthAsync(HttpContext http, MemberHealth health, HealthInstruments counts)
    {
        var query = http.Request.Query;
        var excluded = query["exclude"].Select(alarm => alarm ?? "").ToHashSet(StringComparer.Ordinal);
        var reason = await health.ReasonAsync(excluded, query["serializable"] == "true", http.RequestAborted).ConfigureAwait(false);
        (reason is null ? counts.Successes : counts.Failures).Add();
        var body = $$"""{"health":"{{(reason is null ? "true" : "false")}}","reason":"{{JsonEncodedText.Encode(reason ?? "")}}"}""";
        if (reason is null)
        {
            http.Response.ContentType = "application/json";
            await http.Response.WriteAsync(body, http.RequestAborted).ConfigureAwait(false);
            return;
        }

        await WriteErrorAsync(http, StatusCodes.Status503ServiceUnavailable, body).ConfigureAwait(false);
    }

    private static async Task WriteChecksAsync(HttpContext http, (string Name, Check Run)[] checks)
    {
        var excluded = http.Request.Query["exclude"];
        var lines = new StringBuilder();
        var isWell = true;
        foreach (var (name, run) in checks)
        {
            if (excluded.Contains(name))
            {
                continue;
            }

            var trouble = await run(http.RequestAborted).ConfigureAwait(false);
            isWell &= trouble is null;
            lines.Append(trouble is null ? $"[+]{name} ok\n" : $"[-]{name} failed: {trouble}\n");
        }

        if (!isWell)
        {
            await WriteErrorAsync(http, StatusCodes.Status503ServiceUnavailable, lines.ToString()).ConfigureAwait(false);
            return;
        }

        http.Response.ContentType = PlainText;
        http.Response.Headers.XContentTypeOptions = "nosniff";
        var told = http.Request.Query.ContainsKey("verbose") ? lines.ToString() : "";
        await http.Response.WriteAsync(told + "ok\n", http.RequestAborted).ConfigureAwait(false);
    }

    private static Task WriteVersionAsync(HttpContext http, ApiOptions options)
    {
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(
            $$"""{"etcdserver":"{{options.ApiVersion}}","etcdcluster":"{{options.StorageVersion}}","storage":"{{options.StorageVersion}}","raftkv":"{{JsonEncodedText.Encode(RaftKvNode.Version)}}"}""",
            http.RequestAborted);
    }

    private static Task WriteWrongMethodAsync(HttpContext http)
    {
        http.Response.Headers.Allow = HttpMethods.Get;
        return WriteErrorAsync(http, StatusCodes.Status405MethodNotAllowed, "Method Not Allowed");
    }

    private static Task WriteErrorAsync(HttpContext http, int status, string text)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = PlainText;
        http.Response.Headers.XContentTypeOptions = "nosniff";
        return http.Response.WriteAsync(text + "\n", http.RequestAborted);
    }
}
