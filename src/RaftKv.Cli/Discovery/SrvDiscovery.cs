using System.Net;
using System.Net.Sockets;
using RaftKv.Server;
using RaftKv.Server.Bootstrap;

namespace RaftKv.Cli.Discovery;

/// <summary>Founding members from DNS: etcd's <c>--discovery-srv</c>. DNS knows URLs and no names, so all but this one are called
/// by numbers until they have told their own.</summary>
internal sealed class SrvDiscovery(SrvLookup lookup, string domain, string suffix, string ownName, string token)
{
    /// <exception cref="BootstrapException">DNS cannot tell, or does not know this member.</exception>
    public async Task<FoundingMembers> FindAsync(IReadOnlyList<Uri> own, CancellationToken stop)
    {
        IReadOnlyList<Uri> urls;
        try
        {
            urls = await ServiceNames.FindAsync(lookup, "etcd-server", domain, suffix, stop);
        }
        catch (DnsFailure failure)
        {
            throw new BootstrapException($"--discovery-srv {domain}: {failure.Message}", failure);
        }

        var places = new HashSet<IPEndPoint>();
        foreach (var url in own)
        {
            places.UnionWith(await PlacesAsync(url, stop));
        }

        var members = new List<(string Name, Uri PeerUrl)>();
        var strangers = 0;
        foreach (var url in urls)
        {
            var isOwn = own.Contains(url) || (await PlacesAsync(url, stop)).Any(places.Contains);
            members.Add((isOwn ? ownName : $"{strangers++}", url));
        }

        return members.Any(member => member.Name == ownName)
            ? new FoundingMembers(members, token)
            : throw new BootstrapException(
                $"--discovery-srv {domain}: DNS knows members at {string.Join(", ", urls.Select(Text))}, and none of them is this one, at {string.Join(", ", own.Select(Text))} (--initial-advertise-peer-urls).");
    }

    private static string Text(Uri url) => url.GetLeftPart(UriPartial.Authority);

    private static async Task<IReadOnlyList<IPEndPoint>> PlacesAsync(Uri url, CancellationToken stop)
    {
        try
        {
            return [.. (await Dns.GetHostAddressesAsync(url.DnsSafeHost, stop)).Select(address => new IPEndPoint(address, url.Port))];
        }
        catch (SocketException)
        {
            // A host that is not there yet is none of ours.
            return [];
        }
    }
}
