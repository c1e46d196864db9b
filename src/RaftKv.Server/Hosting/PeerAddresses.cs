using RaftKv.Storage.State;

namespace RaftKv.Server.Hosting;

/// <summary>
/// Where a member's peers can be tried to be reached. Its URLs are what a client wrote, and an update of them is not
/// checked, so that whatever stands there must not be taken for an address.
/// </summary>
internal static class PeerAddresses
{
    public static Uri[] Of(Member member)
    {
        var addresses = new List<Uri>();
        foreach (var text in member.PeerUrls)
        {
            if (Uri.TryCreate(text, UriKind.Absolute, out var url)
                && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
                && url.Host.Length > 0)
            {
                addresses.Add(url);
            }
        }

        return [.. addresses];
    }
}
