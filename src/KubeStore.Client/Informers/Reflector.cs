using System.Globalization;
using KubeStore.Failures;

namespace KubeStore.Informers;

/// <summary>
/// Makes of a list and watches a stream of deltas that never ends: what breaks is taken up where it was, and where that
/// cannot be done, everything is listed again.
/// </summary>
internal sealed class Reflector(IKubeClient client, KubeResource resource, InformerOptions options, DeltaQueue queue)
{
    private static readonly TimeSpan TooShort = TimeSpan.FromSeconds(1);

    private readonly Backoff _backoff = new(
        TimeSpan.FromMilliseconds(800), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), options.Time, options.Chance);

    // How far we are. Whoever answers the next list must not be behind that, but the first may say what is at hand.
    private long _version;

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await ListAsync(stop).ConfigureAwait(false);
                await WatchAsync(stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception broken) when (broken is StatusException or KubeUnreachableException)
            {
                options.Trouble?.Invoke(broken);
                await _backoff.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ListAsync(CancellationToken stop)
    {
        var list = new ListOptions { LabelSelector = options.LabelSelector, FieldSelector = options.FieldSelector };
        ObjectList found;
        try
        {
            found = await client.ListAsync(
                resource, options.Namespace, list with { ResourceVersion = Text(_version) }, stop).ConfigureAwait(false);
        }
        catch (StatusException refused) when (IsExpired(refused.Status) || IsTooLarge(refused.Status))
        {
            // As it is now, then, whatever that is.
            found = await client.ListAsync(resource, options.Namespace, list, stop).ConfigureAwait(false);
        }

        queue.Replace(found.Items, found.Revision);
        _version = found.Revision;
    }

    /// <summary>Watches again and again. Returns when that goes on no more, and everything has to be listed.</summary>
    private async Task WatchAsync(CancellationToken stop)
    {
        while (true)
        {
            var begun = options.Time.GetTimestamp();
            var before = _version;
            try
            {
                if (!await FollowAsync(stop).ConfigureAwait(false))
                {
                    return;
                }

                // A server that ends every watch at once is not to be asked all the time.
                if (_version == before && options.Time.GetElapsedTime(begun) < TooShort)
                {
                    await _backoff.WaitAsync(stop).ConfigureAwait(false);
                }
            }
            catch (Exception broken) when (broken is KubeUnreachableException or StatusException { Status.Code: 429 })
            {
                // The server is away or busy; that says nothing against where we are.
                options.Trouble?.Invoke(broken);
                await _backoff.WaitAsync(stop).ConfigureAwait(false);
            }
        }
    }

    /// <summary>One watch to its end. False if the version to go on from is gone.</summary>
    private async Task<bool> FollowAsync(CancellationToken stop)
    {
        var watch = new WatchOptions
        {
            LabelSelector = options.LabelSelector,
            FieldSelector = options.FieldSelector,
            ResourceVersion = Text(_version),
            AllowBookmarks = true,
            Timeout = TimeSpan.FromSeconds(300 + Math.Floor(300 * options.Chance())),
        };
        try
        {
            await foreach (var happened in client.WatchAsync(resource, options.Namespace, watch, stop).ConfigureAwait(false))
            {
                switch (happened.Type)
                {
                    case WatchEventType.Added:
                        queue.Add(DeltaType.Added, happened.Object!);
                        break;
                    case WatchEventType.Modified:
                        queue.Add(DeltaType.Updated, happened.Object!);
                        break;
                    case WatchEventType.Deleted:
                        queue.Add(DeltaType.Deleted, happened.Object!);
                        break;
                    case WatchEventType.Bookmark:
                        queue.Reached(happened.Revision);
                        break;
                    default:
                        throw new StatusException(happened.Error ?? new Status(500, "", "the watch failed"));
                }

                _version = Math.Max(_version, happened.Revision);
            }

            return true;
        }
        catch (StatusException gone) when (IsExpired(gone.Status))
        {
            options.Trouble?.Invoke(gone);
            return false;
        }
    }

    private static bool IsExpired(Status status) => status.Code == 410 || status.Reason is "Expired" or "Gone";

    private static bool IsTooLarge(Status status) => status.Causes.Any(cause => cause.Reason == "ResourceVersionTooLarge");

    private static string Text(long version) => version.ToString(CultureInfo.InvariantCulture);
}
