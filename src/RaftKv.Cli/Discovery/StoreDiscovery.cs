using System.Globalization;
using RaftKv.Client;
using RaftKv.Server;
using RaftKv.Server.Bootstrap;
using RaftKv.Storage.State;

namespace RaftKv.Cli.Discovery;

/// <summary>
/// Founding members from another cluster, RaftKv's or etcd's, where they meet: etcd's <c>--discovery-token</c> and
/// <c>--discovery-endpoints</c>. Each puts itself there and waits until there are as many as somebody has said there shall be:
/// <code>
/// /_etcd/registry/TOKEN/_config/size    3
/// /_etcd/registry/TOKEN/members/ID      name=http://10.0.0.1:2380
/// </code>
/// </summary>
internal sealed class StoreDiscovery(RaftKvClientOptions store, string token, string ownName, TimeProvider time)
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(300);

    private string Root => $"/_etcd/registry/{token}";

    /// <exception cref="BootstrapException">The meeting place cannot be asked, or all places are taken.</exception>
    public async Task<FoundingMembers> FindAsync(IReadOnlyList<Uri> own, CancellationToken stop)
    {
        await using var client = RaftKvClient.Connect(store);
        var urls = own.Select(url => url.GetLeftPart(UriPartial.Authority)).ToArray();
        var key = $"{Root}/members/{ClusterIdentity.OfInitialMember(urls, token)}";
        try
        {
            var size = await ReadSizeAsync(client, stop);
            var members = await FirstAsync(client, size, stop);
            if (members.Count == size && members.All(member => member.KeyText != key))
            {
                throw Refused($"all {size} places are taken: the cluster is full. Add this member to it with 'member add'");
            }

            await client.CommitAsync(
                new Transaction().If(Condition.Missing(key)).Then(Operation.Put(key, string.Join(',', urls.Select(url => $"{ownName}={url}")))), cancellation: stop);
            while (true)
            {
                members = await FirstAsync(client, size, stop);
                if (members.Count == size)
                {
                    break;
                }

                await Task.Delay(LookInterval, time, stop);
            }

            return members.Any(member => member.KeyText == key)
                ? new FoundingMembers([.. members.SelectMany(Read)], token)
                : throw Refused($"others have taken all {size} places: the cluster is full. Add this member to it with 'member add'");
        }
        catch (RaftKvException failed)
        {
            throw new BootstrapException($"--discovery-endpoints: the members could not be met at {string.Join(", ", store.Endpoints)}: {failed.Message}", failed);
        }
    }

    private async Task<int> ReadSizeAsync(RaftKvClient client, CancellationToken stop)
    {
        var key = $"{Root}/_config/size";
        var size = await client.GetAsync(key, cancellation: stop)
            ?? throw Refused($"nobody has said there how many members there shall be. Put the number under {key}");
        return int.TryParse(size.ValueText, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw Refused($"{key} is '{size.ValueText}', which is no number of members");
    }

    // Whoever came first has a place.
    private async Task<IReadOnlyList<KeyValue>> FirstAsync(RaftKvClient client, int size, CancellationToken stop)
    {
        var all = await client.RangeAsync(KeyRange.Prefix($"{Root}/members/"), cancellation: stop);
        return [.. all.KeyValues.OrderBy(member => member.CreateRevision).Take(size)];
    }

    private IEnumerable<(string Name, Uri PeerUrl)> Read(KeyValue member)
    {
        foreach (var part in member.ValueText.Split(','))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || !Uri.TryCreate(part[(equals + 1)..], UriKind.Absolute, out var url))
            {
                throw Refused($"{member.KeyText} is '{member.ValueText}', which is no member: name=http://host:port");
            }

            yield return (part[..equals], url);
        }
    }

    private BootstrapException Refused(string why) => new($"--discovery-token {token}: {why}.");
}
