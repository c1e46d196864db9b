namespace RaftKv.Extensions.Tests;

/// <summary>Waiting for something that comes of itself; a test that waits in vain fails as one that hangs.</summary>
internal static class Until
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task IsTrueAsync(Func<bool> claim)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        while (!claim())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), patience.Token);
        }
    }

    public static Task FiresAsync(CancellationToken token) => IsTrueAsync(() => token.IsCancellationRequested);
}
