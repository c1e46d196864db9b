using System.Globalization;
using KubeStore.Failures;
using KubeStore.Registry;
using Microsoft.AspNetCore.Http;

namespace KubeStore.Http;

/// <summary>What the query of a request says.</summary>
internal sealed class KubeQuery(HttpRequest request)
{
    public string Text(string name) => request.Query[name].FirstOrDefault() ?? "";

    public bool? Flag(string name) => Text(name) switch
    {
        "" => request.Query.ContainsKey(name) && name == "watch" ? true : null,
        "1" or "true" or "True" or "TRUE" or "t" or "T" => true,
        "0" or "false" or "False" or "FALSE" or "f" or "F" => false,
        var wrong => throw Failure.BadRequest($"invalid value for {name}: strconv.ParseBool: parsing \"{wrong}\": invalid syntax"),
    };

    public long? Number(string name) => Text(name) is not { Length: > 0 } text ? null
        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
        : throw Failure.BadRequest($"invalid value for {name}: strconv.ParseInt: parsing \"{text}\": invalid syntax");

    public ListOptions List()
    {
        if (Flag("sendInitialEvents") is not null)
        {
            throw Failure.InvalidOptions("ListOptions", FieldError.Forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
        }

        // A list is not kept open for long enough to make use of it; what is no number is refused all the same.
        _ = Number("timeoutSeconds");
        return new()
        {
            LabelSelector = Text("labelSelector"),
            FieldSelector = Text("fieldSelector"),
            ResourceVersion = Text("resourceVersion"),
            ResourceVersionMatch = Text("resourceVersionMatch"),
            Limit = Number("limit") ?? 0,
            Continue = Text("continue"),
        };
    }

    public WatchOptions Watch(string name) => new()
    {
        LabelSelector = Text("labelSelector"),
        FieldSelector = name.Length == 0 ? Text("fieldSelector") : $"metadata.name={name}",
        ResourceVersion = Text("resourceVersion"),
        ResourceVersionMatch = Text("resourceVersionMatch"),
        AllowBookmarks = Flag("allowWatchBookmarks") == true,
        SendInitialEvents = Flag("sendInitialEvents"),
        Timeout = TimeSpan.FromSeconds(Number("timeoutSeconds") is > 0 and var seconds ? seconds : 1800 + Random.Shared.Next(1800)),
    };

    public WriteOptions Write(string options, UserInfo user)
    {
        var manager = Text("fieldManager");
        if (manager.Length > 128 || manager.Any(char.IsControl))
        {
            throw Failure.InvalidOptions(options, FieldError.Invalid("fieldManager", manager, "must be printable and have at most 128 characters"));
        }

        if (manager.Length == 0)
        {
            var agent = request.Headers.UserAgent.ToString();
            var slash = agent.IndexOf('/', StringComparison.Ordinal);
            manager = slash < 0 ? agent : agent[..slash];
            manager = manager.Length == 0 ? "unknown" : manager[..Math.Min(128, manager.Length)];
        }

        return new()
        {
            User = user,
            DryRun = DryRun(options),
            FieldManager = manager,
            Force = Flag("force") == true,
            FieldValidation = Text("fieldValidation") switch
            {
                "" or "Warn" => FieldValidation.Warn,
                "Ignore" => FieldValidation.Ignore,
                "Strict" => FieldValidation.Strict,
                var wrong => throw Failure.InvalidOptions(options, FieldError.NotSupported("fieldValidation", wrong, ["", "Ignore", "Strict", "Warn"])),
            },
        };
    }

    public bool DryRun(string options)
    {
        var asked = request.Query["dryRun"].Where(one => one is { Length: > 0 }).ToList();
        return asked.Count > 0 && (asked.TrueForAll(one => one == "All")
            ? true
            : throw Failure.InvalidOptions(options, FieldError.NotSupported("dryRun", asked[0], ["All"])));
    }
}
