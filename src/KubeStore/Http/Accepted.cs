using System.Globalization;
using KubeStore.Failures;
using Microsoft.AspNetCore.Http;

namespace KubeStore.Http;

/// <summary>In which form somebody wants the answer.</summary>
internal sealed record Accepted(bool IsYaml, string As)
{
    public const string Table = "Table";
    public const string Partial = "PartialObjectMetadata";
    public const string PartialList = "PartialObjectMetadataList";
    private const string Supported = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

    public static Accepted Json { get; } = new(false, "");

    /// <summary>The first form that can be given, by what the header prefers.</summary>
    public static Accepted Of(HttpRequest request)
    {
        var header = request.Headers.Accept.ToString();
        if (string.IsNullOrWhiteSpace(header))
        {
            return Json;
        }

        foreach (var (type, parameters) in Clauses(header))
        {
            var transform = parameters.GetValueOrDefault("as", "");
            if (transform.Length > 0 && (transform is not (Table or Partial or PartialList)
                || parameters.GetValueOrDefault("g", "") != "meta.k8s.io" || parameters.GetValueOrDefault("v", "") is not ("v1" or "v1beta1")))
            {
                continue;
            }

            switch (type)
            {
                case "application/json" or "*/*" or "application/*":
                    return new(false, transform);
                case "application/yaml":
                    return new(true, transform);
            }
        }

        throw Failure.NotAcceptable(Supported);
    }

    /// <summary>Whether a header asks for the aggregated discovery document.</summary>
    public static bool WantsAggregated(HttpRequest request)
        => Clauses(request.Headers.Accept.ToString()).Any(clause => clause.Type == "application/json"
            && clause.Parameters.GetValueOrDefault("g") == "apidiscovery.k8s.io" && clause.Parameters.GetValueOrDefault("v") == "v2"
            && clause.Parameters.GetValueOrDefault("as") == "APIGroupDiscoveryList");

    private static IEnumerable<(string Type, Dictionary<string, string> Parameters)> Clauses(string header)
        => header.Split(',')
            .Select(clause =>
            {
                var parts = clause.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
                var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
                foreach (var part in parts.Skip(1))
                {
                    var equal = part.IndexOf('=', StringComparison.Ordinal);
                    parameters[equal < 0 ? part : part[..equal]] = equal < 0 ? "" : part[(equal + 1)..].Trim('"');
                }

                return (Type: parts.FirstOrDefault("").ToLowerInvariant(), Parameters: parameters);
            })
            .OrderByDescending(clause => clause.Parameters.TryGetValue("q", out var weight)
                && double.TryParse(weight, NumberStyles.Float, CultureInfo.InvariantCulture, out var q) ? q : 1.0);
}
