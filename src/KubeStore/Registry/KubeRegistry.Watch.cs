using System.Globalization;
using System.Runtime.CompilerServices;
using KubeStore.Cache;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Resources;
using KubeStore.Storage;

namespace KubeStore.Registry;

public sealed partial class KubeRegistry
{
    private const int MostPast = 10_000;
    private static readonly TimeSpan BookmarkInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LastBookmarkBefore = TimeSpan.FromSeconds(2);

    /// <summary>Changes of objects of a kind: in one namespace, or in all if none is given. Ends when it has to; whoever still
    /// wants to know watches again from the last version it was told.</summary>
    /// <exception cref="StatusException">The options do not go together. What goes wrong later is an event.</exception>
    public async Task<IAsyncEnumerable<WatchEvent>> WatchAsync(
        ResourceDefinition resource, string ns, WatchOptions options, CancellationToken cancellation = default)
    {
        CheckOptions(options);
        var selection = Selection.Of(resource, options.LabelSelector, options.FieldSelector);
        var version = ParseVersion(options.ResourceVersion);
        var cache = CacheOf(resource);
        await cache.ReadyAsync(cancellation).ConfigureAwait(false);
        var initial = options.SendInitialEvents ?? options.ResourceVersion is "" or "0";
        if (initial && options.ResourceVersion.Length == 0)
        {
            await AskedAsync(resource, "watch", () => cache.CurrentAsync(CachePatience, cancellation)).ConfigureAwait(false);
        }
        else if (initial && version > 0)
        {
            _ = await cache.ReachAsync(version, CachePatience, cancellation).ConfigureAwait(false)
                ?? throw Failure.FutureVersion(version, cache.Current()?.Revision ?? 0);
        }

        if (!initial && version > 0)
        {
            var (cursor, oldest) = cache.StartAfter(version);
            if (cursor is not null)
            {
                return FollowAsync(resource, ns, options, selection, cursor, [], null, version, cancellation);
            }

            // What the cache has not seen, because it was filled later or has forgotten it, the store may still know.
            cursor = cache.StartAfter(oldest - 1).Cursor;
            var past = await AskedAsync(resource, "watch", () => PastAsync(cache, version, oldest - 1, cancellation)).ConfigureAwait(false);
            return cursor is null || past is null
                ? TooOldAsync(version, oldest)
                : FollowAsync(resource, ns, options, selection, cursor, past, null, version, cancellation);
        }

        // It may have begun again in between; then there is another moment to start from.
        (CacheSnapshot Snapshot, CacheCursor Cursor)? start;
        while ((start = cache.StartHere()) is null)
        {
            await cache.ReadyAsync(cancellation).ConfigureAwait(false);
        }

        var (snapshot, here) = start.Value;
        return FollowAsync(resource, ns, options, selection, here, [], initial ? snapshot : null, snapshot.Revision, cancellation);
    }

    /// <summary>What happened after a version, up to and with another one, from the store's history. Null if that is gone, or more
    /// than is worth telling one by one.</summary>
    private async Task<IReadOnlyList<CacheEvent>?> PastAsync(ResourceCache cache, long version, long until, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(CachePatience, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        var past = new List<CacheEvent>();
        try
        {
            var watch = await _storage.WatchAsync(cache.Prefix, version + 1, either.Token).ConfigureAwait(false);
            await using (watch.ConfigureAwait(false))
            {
                while (true)
                {
                    await watch.RequestProgressAsync().ConfigureAwait(false);
                    var batch = await watch.NextAsync().ConfigureAwait(false);
                    past.AddRange(batch.Changes.Where(change => change.Revision <= until).Select(cache.Event).OfType<CacheEvent>());
                    if (past.Count > MostPast)
                    {
                        return null;
                    }

                    if (batch.Revision >= until)
                    {
                        return past;
                    }
                }
            }
        }
        catch (HistoryGoneException)
        {
            return null;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
        catch (StorageUnavailableException) when (patience.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private async IAsyncEnumerable<WatchEvent> FollowAsync(
        ResourceDefinition resource,
        string ns,
        WatchOptions options,
        Selection selection,
        CacheCursor cursor,
        IReadOnlyList<CacheEvent> past,
        CacheSnapshot? initial,
        long told,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var begun = Time.GetTimestamp();
        var from = told;
        if (initial is not null)
        {
            foreach (var there in initial.List(ns))
            {
                if (Sees(resource, selection, there, out var presented))
                {
                    yield return new(WatchEventType.Added, presented, presented.Revision);
                }
            }

            if (options.SendInitialEvents == true && options.AllowBookmarks)
            {
                yield return new(WatchEventType.Bookmark, null, told) { EndsInitialEvents = true };
            }
        }

        foreach (var happened in past)
        {
            if (Told(resource, ns, selection, happened) is { } say)
            {
                yield return say;
            }
        }

        var bookmarkAt = BookmarkInterval;
        var bookmarked = told;
        while (true)
        {
            var events = cursor.Take(out var revision, out var moved);
            if (events is null)
            {
                yield break;
            }

            foreach (var happened in events)
            {
                // A watcher may have asked for a version that had not been yet.
                if (happened.Revision > from && Told(resource, ns, selection, happened) is { } say)
                {
                    yield return say;
                }
            }

            if (events.Length > 0)
            {
                told = Math.Max(told, revision);
                continue;
            }

            told = Math.Max(told, revision);
            var elapsed = Time.GetElapsedTime(begun);
            if (options.Timeout <= elapsed)
            {
                yield break;
            }

            var next = options.Timeout is { } end && end - LastBookmarkBefore < bookmarkAt && elapsed < end - LastBookmarkBefore ? end - LastBookmarkBefore : bookmarkAt;
            if (elapsed >= next)
            {
                bookmarkAt = elapsed + BookmarkInterval;
                if (options.AllowBookmarks && told > bookmarked)
                {
                    bookmarked = told;
                    yield return new(WatchEventType.Bookmark, null, told);
                }

                continue;
            }

            var until = options.Timeout < next ? options.Timeout.Value : next;
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            await Task.WhenAny(moved, Task.Delay(until - elapsed, Time, waiting.Token)).ConfigureAwait(false);
            await waiting.CancelAsync().ConfigureAwait(false);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>What a watcher with a selection sees of a change: objects come into its sight and leave it.</summary>
    private static WatchEvent? Told(ResourceDefinition resource, string ns, Selection selection, CacheEvent happened)
    {
        var subject = happened.Object ?? happened.Previous!;
        if (ns.Length > 0 && subject.Namespace != ns)
        {
            return null;
        }

        var sees = Matches(resource, selection, happened.Object, out var now);
        var saw = Matches(resource, selection, happened.Previous, out var before);
        return sees
            ? new(saw ? WatchEventType.Modified : WatchEventType.Added, now, happened.Revision)
            : saw ? new(WatchEventType.Deleted, before!.At(happened.Revision), happened.Revision)
            : null;
    }

    private static bool Matches(ResourceDefinition resource, Selection selection, KubeObject? candidate, out KubeObject? presented)
    {
        presented = null;
        return candidate is not null && Sees(resource, selection, candidate, out presented!);
    }

#pragma warning disable CS1998 // one event, at once
    private static async IAsyncEnumerable<WatchEvent> TooOldAsync(long version, long oldest)
#pragma warning restore CS1998
    {
        yield return new(WatchEventType.Error, null, version)
        {
            Error = Failure.Expired(string.Create(CultureInfo.InvariantCulture, $"too old resource version: {version} ({oldest})")).Status,
        };
    }

    private static void CheckOptions(WatchOptions options)
    {
        var error = options.ResourceVersionMatch.Length > 0 && options.SendInitialEvents is null
            ? FieldError.Forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
            : options.SendInitialEvents is not null && options.ResourceVersionMatch.Length == 0
                ? FieldError.Forbidden("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
                : options.ResourceVersionMatch is not ("" or "NotOlderThan")
                    ? FieldError.NotSupported("resourceVersionMatch", System.Text.Json.Nodes.JsonValue.Create(options.ResourceVersionMatch), ["NotOlderThan"])
                    : null;
        if (error is not null)
        {
            throw Failure.InvalidOptions("ListOptions", error);
        }
    }
}
