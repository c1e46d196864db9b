using System.Globalization;
using System.Text;
using KubeStore.Storage;

namespace KubeStore.Controllers;

/// <summary>
/// Lets go of history that is five to ten minutes old. Of all servers on a store one does it each time: who first writes
/// down that it will.
/// </summary>
internal sealed class HistoryCompactor(IKubeStorage storage, TimeProvider time)
{
    /// <summary>Where every server looks, Kubernetes' own included.</summary>
    public const string Key = "compact_rev_key";

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(5);

    // The store's revision, and that of the key, when we last looked.
    private long _revision;
    private long _mark;

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await StepAsync(stop).ConfigureAwait(false);
            }
            catch (Exception away) when (away is StorageUnavailableException or FutureRevisionException or OperationCanceledException)
            {
                // The next time will do.
            }

            await Task.Delay(Interval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Compacts to where the store was at the last step, unless another server has done so since.</summary>
    public async Task StepAsync(CancellationToken cancellation)
    {
        var text = Encoding.UTF8.GetBytes(_revision.ToString(CultureInfo.InvariantCulture));
        var outcome = await storage.PutAsync(Key, text, _mark, null, cancellation).ConfigureAwait(false);
        var target = _revision;
        _revision = outcome.Revision;
        _mark = outcome.Succeeded ? outcome.Revision : outcome.Current?.Revision ?? 0;
        if (outcome.Succeeded && target > 0)
        {
            await storage.CompactAsync(target, cancellation).ConfigureAwait(false);
        }
    }
}
