using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;
using Microsoft.AspNetCore.Http;

namespace KubeStore.Http;

/// <summary>How a deletion is meant: by its body, or, if it has none, by its query.</summary>
internal static class DeleteBody
{
    public static async Task<DeleteOptions> ReadAsync(HttpContext http, KubeQuery query, UserInfo user, CancellationToken cancellation)
    {
        var body = http.Request.ContentLength is 0 or null && !http.Request.Headers.TransferEncoding.ToString().Contains("chunked", StringComparison.Ordinal)
            ? null
            : (JsonObject)(await RequestBody.ReadObjectAsync(http.Request, cancellation).ConfigureAwait(false)).Json!;
        if (body is null)
        {
            return Options(user, query.DryRun("DeleteOptions"), query.Number("gracePeriodSeconds"), query.Text("propagationPolicy"), query.Flag("orphanDependents"), null);
        }

        if (body.TextAt("kind") is { Length: > 0 } kind && kind != "DeleteOptions")
        {
            throw Failure.BadRequest($"the object provided is unrecognized: expected DeleteOptions, got {kind}");
        }

        var dryRun = query.DryRun("DeleteOptions") || body.ArrayAt("dryRun").Texts().Any();
        bool? orphan = body.At("orphanDependents") is null ? null : body.FlagAt("orphanDependents");
        return Options(user, dryRun, body.IntegerAt("gracePeriodSeconds"), body.TextAt("propagationPolicy"), orphan, body.ObjectAt("preconditions"));
    }

    private static DeleteOptions Options(UserInfo user, bool dryRun, long? grace, string propagation, bool? orphan, JsonObject? preconditions)
    {
        if (orphan is not null && propagation.Length > 0)
        {
            throw Failure.InvalidOptions("DeleteOptions", FieldError.Invalid("propagationPolicy", propagation, "orphanDependents and deletionPropagation cannot be both set"));
        }

        return new()
        {
            User = user,
            DryRun = dryRun,
            GracePeriodSeconds = grace,
            Uid = preconditions.TextAt("uid"),
            ResourceVersion = preconditions.TextAt("resourceVersion"),
            Propagation = (propagation, orphan) switch
            {
                ("Background", _) => Propagation.Background,
                ("Foreground", _) => Propagation.Foreground,
                ("Orphan", _) => Propagation.Orphan,
                ("", true) => Propagation.Orphan,
                ("", false) => Propagation.Background,
                ("", null) => null,
                _ => throw Failure.InvalidOptions("DeleteOptions", FieldError.NotSupported("propagationPolicy", propagation, ["Background", "Foreground", "Orphan"])),
            },
        };
    }
}
