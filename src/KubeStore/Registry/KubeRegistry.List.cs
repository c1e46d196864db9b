using KubeStore.Cache;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Resources;
using KubeStore.Selectors;
using KubeStore.Storage;

namespace KubeStore.Registry;

public sealed partial class KubeRegistry
{
    private const long LargestPage = 10_000;

    /// <summary>Objects of a kind, in the order of their names: of one namespace, or of all if none is given.</summary>
    /// <exception cref="StatusException">The options do not go together, or the version is gone or has not been yet.</exception>
    public async Task<ObjectList> ListAsync(
        ResourceDefinition resource, string ns, ListOptions options, CancellationToken cancellation = default)
    {
        CheckOptions(options);
        var selection = Selection.Of(resource, options.LabelSelector, options.FieldSelector);
        return await AskedAsync(resource, "list", () => ListCheckedAsync(resource, ns, options, selection, cancellation)).ConfigureAwait(false);
    }

    private async Task<ObjectList> ListCheckedAsync(
        ResourceDefinition resource, string ns, ListOptions options, Selection selection, CancellationToken cancellation)
    {
        if (options.Continue.Length > 0)
        {
            return await ContinueAsync(resource, ns, options, selection, cancellation).ConfigureAwait(false);
        }

        var cache = CacheOf(resource);
        var version = ParseVersion(options.ResourceVersion);
        if (options.ResourceVersionMatch == "Exact"
            || (version > 0 && options.Limit > 0 && options.ResourceVersionMatch.Length == 0))
        {
            return await PageAsync(resource, ns, options, selection, version, "", cancellation).ConfigureAwait(false);
        }

        CacheSnapshot? snapshot;
        if (options.ResourceVersion == "0")
        {
            // Whatever is at hand, all of it: its pages could not be told from one another later.
            snapshot = await cache.ReadyAsync(cancellation).ConfigureAwait(false);
            return FromSnapshot(resource, ns, selection, snapshot, 0);
        }

        if (version > 0)
        {
            await cache.ReadyAsync(cancellation).ConfigureAwait(false);
            snapshot = await cache.ReachAsync(version, CachePatience, cancellation).ConfigureAwait(false)
                ?? throw Failure.FutureVersion(version, cache.Current()?.Revision ?? 0);
        }
        else
        {
            snapshot = await cache.CurrentAsync(CachePatience, cancellation).ConfigureAwait(false);
        }

        // A store that does not say how far it is leaves the cache behind; then it is asked itself.
        return snapshot is not null
            ? FromSnapshot(resource, ns, selection, snapshot, options.Limit)
            : await PageAsync(resource, ns, options, selection, 0, "", cancellation).ConfigureAwait(false);
    }

    private static ObjectList FromSnapshot(ResourceDefinition resource, string ns, Selection selection, CacheSnapshot snapshot, long limit)
    {
        var found = new List<KubeObject>();
        var only = selection.Fields.Required("metadata.name");
        var candidates = only is not null && (ns.Length > 0 || !resource.IsNamespaced)
            ? snapshot.Find(ns, only) is { } one ? [one] : []
            : snapshot.List(ns);
        var hasMore = false;
        foreach (var candidate in candidates)
        {
            if (!Sees(resource, selection, candidate, out var presented))
            {
                continue;
            }

            if (limit > 0 && found.Count == limit)
            {
                hasMore = true;
                break;
            }

            found.Add(presented);
        }

        if (!hasMore)
        {
            return new(found, snapshot.Revision);
        }

        var last = found[^1];
        var count = ns.Length == 0 ? snapshot.Count : snapshot.Namespaces[ns].Count;
        return new(found, snapshot.Revision)
        {
            Continue = new ContinueToken(snapshot.Revision, StartAfter(resource, last.Namespace, last.Name)).Encode(),
            RemainingItemCount = selection.IsEverything ? count - found.Count : null,
        };
    }

    private async Task<ObjectList> ContinueAsync(
        ResourceDefinition resource, string ns, ListOptions options, Selection selection, CancellationToken cancellation)
    {
        ContinueToken token;
        try
        {
            token = ContinueToken.Decode(options.Continue);
        }
        catch (FormatException wrong)
        {
            throw Failure.BadRequest($"invalid continue token: {wrong.Message}");
        }

        return await PageAsync(resource, ns, options, selection, Math.Max(0, token.Revision), token.Start, cancellation).ConfigureAwait(false);
    }

    /// <summary>Straight from the store: so many objects that match, at a revision (0 for now), from a place on.</summary>
    private async Task<ObjectList> PageAsync(
        ResourceDefinition resource, string ns, ListOptions options, Selection selection, long revision, string start, CancellationToken cancellation)
    {
        var prefix = $"/registry/{resource.StoragePrefix}/";
        var first = resource.IsNamespaced && ns.Length > 0 ? $"{prefix}{ns}/" : prefix;
        var end = KeyRanges.EndOf(first);
        var from = start.Length > 0 ? prefix + start : first;
        if (string.CompareOrdinal(from, first) < 0 || string.CompareOrdinal(from, end) > 0)
        {
            throw Failure.BadRequest("invalid continue token: continue key is not valid: it is of another list");
        }

        var found = new List<KubeObject>();
        var page = options.Limit;
        while (true)
        {
            StoredRange read;
            try
            {
                read = await _storage.RangeAsync(from, end, revision, page, cancellation).ConfigureAwait(false);
            }
            catch (HistoryGoneException)
            {
                throw start.Length == 0
                    ? Failure.Expired("The resourceVersion for the provided list is too old.")
                    : Failure.Expired(
                        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
                        new ContinueToken(-1, start).Encode());
            }
            catch (FutureRevisionException future)
            {
                throw Failure.FutureVersion(revision, future.Current);
            }

            revision = revision == 0 ? read.Revision : revision;
            for (var i = 0; i < read.Values.Count; i++)
            {
                var value = read.Values[i];
                if (!Sees(resource, selection, Read(resource, value.Key, value), out var presented))
                {
                    continue;
                }

                found.Add(presented);
                if (found.Count == options.Limit && (read.HasMore || i < read.Values.Count - 1))
                {
                    return new(found, revision)
                    {
                        Continue = new ContinueToken(revision, value.Key[prefix.Length..] + "\0").Encode(),
                        RemainingItemCount = selection.IsEverything ? read.Count - i - 1 : null,
                    };
                }
            }

            if (!read.HasMore)
            {
                return new(found, revision);
            }

            from = read.Values[^1].Key + "\0";
            page = Math.Min(LargestPage, page * 2);
        }
    }

    private static bool Sees(ResourceDefinition resource, Selection selection, KubeObject candidate, out KubeObject presented)
    {
        // Labels are the same in every version, fields need not be.
        presented = candidate;
        if (!selection.Labels.Matches(candidate.Labels))
        {
            return false;
        }

        presented = Present(resource, candidate);
        return selection.Fields.IsEverything || selection.Fields.Matches(presented.Field);
    }

    private static string StartAfter(ResourceDefinition resource, string ns, string name)
        => (resource.IsNamespaced ? $"{ns}/{name}" : name) + "\0";

    private static void CheckOptions(ListOptions options)
    {
        var match = options.ResourceVersionMatch;
        if (options.Limit < 0)
        {
            throw Failure.InvalidOptions("ListOptions", FieldError.Invalid("limit", System.Text.Json.Nodes.JsonValue.Create(options.Limit), "must be greater than or equal to 0"));
        }

        if (match.Length > 0)
        {
            var error = options.Continue.Length > 0 ? FieldError.Forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
                : options.ResourceVersion.Length == 0 ? FieldError.Forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided")
                : match is not ("Exact" or "NotOlderThan") ? FieldError.NotSupported("resourceVersionMatch", System.Text.Json.Nodes.JsonValue.Create(match), ["Exact", "NotOlderThan", ""])
                : match == "Exact" && options.ResourceVersion == "0" ? FieldError.Forbidden("resourceVersionMatch", "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")
                : null;
            if (error is not null)
            {
                throw Failure.InvalidOptions("ListOptions", error);
            }
        }

        if (options.Continue.Length > 0 && options.ResourceVersion is not ("" or "0"))
        {
            throw Failure.BadRequest("specifying resource version is not allowed when using continue");
        }
    }
}
