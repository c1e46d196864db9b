namespace RaftKv.Cli.Discovery;

/// <summary>Under which names etcd's SRV records stand, and what URLs they come to.</summary>
internal static class ServiceNames
{
    /// <summary>URLs of a cluster's members, or of its ports for clients, those with TLS first.</summary>
    /// <param name="lookup">Whom to ask.</param>
    /// <param name="service">"etcd-server" or "etcd-client".</param>
    /// <param name="domain">Under which they stand.</param>
    /// <param name="suffix">Of a name of its own; none if empty.</param>
    /// <param name="stop">Ends the waiting.</param>
    /// <exception cref="DnsFailure">DNS cannot tell, or knows of none.</exception>
    public static async Task<IReadOnlyList<Uri>> FindAsync(SrvLookup lookup, string service, string domain, string suffix, CancellationToken stop)
    {
        var urls = new List<Uri>();
        var asked = new List<string>();
        foreach (var (tls, scheme) in ((string, string)[])[("-ssl", "https"), ("", "http")])
        {
            var name = $"_{service}{tls}{(suffix.Length > 0 ? $"-{suffix}" : "")}._tcp.{domain}";
            asked.Add(name);
            foreach (var record in await lookup.FindAsync(name, stop))
            {
                urls.Add(new UriBuilder(scheme, record.Target, record.Port).Uri);
            }
        }

        if (urls.Count == 0)
        {
            throw new DnsFailure($"DNS has no SRV records of {string.Join(" or ", asked)}.");
        }

        return urls;
    }
}
