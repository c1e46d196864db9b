using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore.Failures;

/// <summary>One of the things that were wrong.</summary>
public sealed record StatusCause(string Reason, string Message, string Field = "");

/// <summary>How a request ended, if it was not with an object: Kubernetes' <c>Status</c>.</summary>
public sealed record Status(int Code, string Reason, string Message)
{
    public string Name { get; init; } = "";

    public string Group { get; init; } = "";

    /// <summary>The plural of the resource; the kind itself where a schema or a rule was violated.</summary>
    public string Kind { get; init; } = "";

    public string Uid { get; init; } = "";

    public IReadOnlyList<StatusCause> Causes { get; init; } = [];

    public int RetryAfterSeconds { get; init; }

    /// <summary>Where a list may be continued that has become too old.</summary>
    public string Continue { get; init; } = "";

    /// <summary>Everything went well, and there is no object to show for it.</summary>
    public bool IsSuccess => Code is >= 200 and < 300;

    internal JsonObject ToJson()
    {
        var metadata = new JsonObject();
        Put(metadata, "continue", Continue);
        var details = new JsonObject();
        Put(details, "name", Name);
        Put(details, "group", Group);
        Put(details, "kind", Kind);
        Put(details, "uid", Uid);
        if (Causes.Count > 0)
        {
            details["causes"] = JsonAccess.ToArray(Causes.Select(cause =>
            {
                var json = new JsonObject();
                Put(json, "reason", cause.Reason);
                Put(json, "message", cause.Message);
                Put(json, "field", cause.Field);
                return json;
            }));
        }

        if (RetryAfterSeconds > 0)
        {
            details["retryAfterSeconds"] = (long)RetryAfterSeconds;
        }

        var status = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = metadata,
            ["status"] = IsSuccess ? "Success" : "Failure",
        };
        Put(status, "message", Message);
        Put(status, "reason", Reason);
        if (details.Count > 0)
        {
            status["details"] = details;
        }

        status["code"] = (long)Code;
        return status;
    }

    private static void Put(JsonObject json, string name, string value)
    {
        if (value.Length > 0)
        {
            json[name] = value;
        }
    }
}

/// <summary>A request that failed, and what its sender is told.</summary>
/// <example><code>
/// catch (StatusException failure) when (failure.Status.Reason == "NotFound") { … }
/// </code></example>
public sealed class StatusException(Status status, Exception? cause = null) : Exception(status.Message, cause)
{
    public Status Status { get; } = status;
}
