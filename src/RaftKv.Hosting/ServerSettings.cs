using System.Net;
using RaftKv.Server;

namespace RaftKv.Hosting;

/// <summary>Text into what a member takes. What cannot be read is told in one line each, by the name it has in
/// configuration.</summary>
internal static class ServerSettings
{
    /// <param name="options">As configured.</param>
    /// <param name="problems">Takes what is wrong with them, in words an operator can act on.</param>
    public static RaftKvOptions Read(RaftKvServerOptions options, ICollection<string> problems)
    {
        var cluster = options.InitialCluster
            .SelectMany(member => member.Value.Split(',').Select(url => (
                Name: member.Key,
                PeerUrl: Url($"{nameof(options.InitialCluster)}:{member.Key}", url, problems))))
            .Where(member => member.PeerUrl is not null)
            .Select(member => (member.Name, member.PeerUrl!))
            .ToArray();
        var peerUrls = Urls(nameof(options.AdvertisePeerUrls), options.AdvertisePeerUrls, problems);
        var read = new RaftKvOptions
        {
            Name = options.Name,
            DataDirectory = options.DataDirectory,
            ListenClient = EndPoints(nameof(options.ListenClient), options.ListenClient, problems),
            ListenPeer = EndPoints(nameof(options.ListenPeer), options.ListenPeer, problems),
            ClientTls = options.ClientTls.Read(),
            PeerTls = options.PeerTls.Read(),
            AdvertiseClientUrls = Urls(nameof(options.AdvertiseClientUrls), options.AdvertiseClientUrls, problems),
            AdvertisePeerUrls = peerUrls.Count > 0 ? peerUrls : [.. cluster.Where(member => member.Name == options.Name).Select(member => member.Item2)],
            InitialCluster = cluster,
            JoinsExistingCluster = options.JoinsExistingCluster,
            ClusterToken = options.ClusterToken,
            HeartbeatInterval = options.HeartbeatInterval,
            ElectionTimeout = options.ElectionTimeout,
            QuotaBytes = options.QuotaBytes,
            MaxRequestBytes = options.MaxRequestBytes,
            MaxTxnOps = options.MaxTxnOps,
            RecordMemoryBytes = options.RecordMemoryBytes,
        };
        if (cluster.Any(member => member.Name != options.Name) && options.ListenPeer.Count == 0)
        {
            problems.Add($"{nameof(options.ListenPeer)} is empty, but {nameof(options.InitialCluster)} names other members: they need an address to connect to.");
        }

        foreach (var problem in read.Problems())
        {
            problems.Add(problem);
        }

        return read;
    }

    private static List<ListenAddress> EndPoints(string name, IList<string> texts, ICollection<string> problems)
    {
        var read = new List<ListenAddress>(texts.Count);
        for (var i = 0; i < texts.Count; i++)
        {
            // As flags write it, too.
            var isTls = texts[i].StartsWith("https://", StringComparison.OrdinalIgnoreCase);
            var text = isTls ? texts[i]["https://".Length..].TrimEnd('/')
                : texts[i].StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? texts[i]["http://".Length..].TrimEnd('/')
                : texts[i];
            text = text.StartsWith("localhost:", StringComparison.OrdinalIgnoreCase) ? $"127.0.0.1:{text["localhost:".Length..]}" : text;

            // One without a port would be read as port 0: any.
            if (IPEndPoint.TryParse(text, out var endPoint) && text.EndsWith($":{endPoint.Port}", StringComparison.Ordinal))
            {
                read.Add(new ListenAddress(endPoint, isTls));
            }
            else
            {
                problems.Add($"{name}:{i} is '{texts[i]}', which is no IP address with a port: write it as 127.0.0.1:2379.");
            }
        }

        return read;
    }

    private static List<Uri> Urls(string name, IList<string> texts, ICollection<string> problems)
        => [.. texts.Select((text, i) => Url($"{name}:{i}", text, problems)).OfType<Uri>()];

    private static Uri? Url(string name, string text, ICollection<string> problems)
    {
        if (Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttp && url.PathAndQuery == "/")
        {
            return url;
        }

        problems.Add($"{name} is '{text}', which is no address of a member: write it as http://10.0.0.1:2380.");
        return null;
    }
}
