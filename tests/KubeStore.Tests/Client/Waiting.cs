namespace KubeStore.Tests.Client;

/// <summary>Waits for something to come true, while a clock that only we move goes on.</summary>
internal static class Waiting
{
    public static async Task UntilAsync(this ManualTime time, Func<bool> isSo, TimeSpan? step = null)
    {
        while (!isSo())
        {
            time.Advance(step ?? TimeSpan.FromSeconds(1));
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }
}
