using RaftKv.Protocol.Etcd;

namespace RaftKv.Client.Calls;

/// <summary>
/// Asks the cluster who its members are and where clients reach them, from time to time and soon after one was left, and
/// lets the client know them beside the endpoints that it was given.
/// </summary>
internal sealed class MemberFinder(RaftKvClientOptions options, Caller caller, Channels channels, CancellationToken disposal)
{
    // While a member is no good, another one may be taking its place.
    private const int SoonerBy = 10;

    private IReadOnlyList<Uri> _before = options.Endpoints;

    public async Task RunAsync()
    {
        try
        {
            while (true)
            {
                await LookAsync().ConfigureAwait(false);
                var lookedAt = options.Time.GetTimestamp();
                TimeSpan elapsed;
                do
                {
                    await Task.Delay(options.ElectionTimeout, options.Time, disposal).ConfigureAwait(false);
                    elapsed = options.Time.GetElapsedTime(lookedAt);
                }
                while (elapsed < options.MemberLookInterval / (caller.Members.All.All(member => member.IsFit) ? 1 : SoonerBy));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The client is gone.
        }
    }

    private async Task LookAsync()
    {
        MemberListResponse list;
        try
        {
            list = await caller.RunAsync(Methods.MemberList, new MemberListRequest { Linearizable = true }, null, disposal).ConfigureAwait(false);
        }
        catch (RaftKvException)
        {
            // Those that are known are asked again.
            return;
        }

        // A learner refuses nearly everything; one that was added and has not started says of no place where it is.
        var found = list.Members.Where(member => !member.IsLearner).SelectMany(member => member.ClientURLs)
            .Select(url => Uri.TryCreate(url, UriKind.Absolute, out var address) ? address : null)
            .OfType<Uri>()
            .Where(RaftKvClientOptions.IsEndpoint);

        // Those that were given stay: what members say of themselves may not be the way that leads there from here.
        Uri[] now = [.. options.Endpoints.Concat(found).Distinct()];
        if (now.ToHashSet().SetEquals(caller.Members.All.Select(member => member.Address)))
        {
            return;
        }

        // Somebody may have picked one just now that is not there any more, so its way stays open until the next change.
        channels.UpdateAddresses([.. now.Concat(_before).Distinct()]);
        _before = now;
        foreach (var gone in caller.Members.Replace(now))
        {
            gone.Leave("It is no longer a member of the cluster.");
        }
    }
}
