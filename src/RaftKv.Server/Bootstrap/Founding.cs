using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json.Serialization;
using RaftKv.Raft;
using RaftKv.Server.Hosting;
using RaftKv.Storage.State;

namespace RaftKv.Server.Bootstrap;

/// <summary>Works out who a new member is: by itself if it founds a cluster, by asking the others if it joins one.</summary>
internal static class Founding
{
    /// <summary>The header in which a member says which cluster it belongs to.</summary>
    public const string ClusterIdHeader = "X-Etcd-Cluster-ID";

    public static MemberFile Found(RaftKvOptions options, IReadOnlyList<Uri> ownPeerUrls)
    {
        var members = Named(options, ownPeerUrls)
            .Select(named => new Member(
                ClusterIdentity.OfInitialMember(named.PeerUrls, options.ClusterToken),
                named.Name,
                named.PeerUrls,
                ClientUrls: [],
                IsLearner: false))
            .ToArray();
        var self = members.Single(member => member.Name == options.Name);
        Check(options, ownPeerUrls, self.PeerUrls);
        var cluster = ClusterIdentity.OfCluster(members.Select(member => member.Id));

        // Names are told by the members themselves when they have started.
        var table = MemberTable.Bootstrapped(members.Select(member => member with { Name = "" }));
        return new MemberFile(self.Id, cluster, IsFounder: true, table);
    }

    /// <exception cref="BootstrapException">Nobody answered, or they do not know this member.</exception>
    public static async Task<MemberFile> JoinAsync(
        RaftKvOptions options, IReadOnlyList<Uri> ownPeerUrls, HttpClient http, CancellationToken cancellation)
    {
        var own = Named(options, ownPeerUrls).Single(named => named.Name == options.Name).PeerUrls;
        var others = options.InitialCluster.Where(member => member.Name != options.Name).Select(member => member.PeerUrl).ToArray();
        if (others.Length == 0)
        {
            throw new BootstrapException(
                "To join a cluster that is there already, name its members with --initial-cluster beside this one.");
        }

        // Whoever was asked last may be behind whoever has added this member: a moment later all of them know.
        var since = options.Time.GetTimestamp();
        while (true)
        {
            var problems = new List<string>();
            Uri? stranger = null;
            foreach (var url in others)
            {
                try
                {
                    if (await AskAsync(url, own, http, cancellation).ConfigureAwait(false) is { } known)
                    {
                        return known;
                    }

                    stranger = url;
                }
                catch (Exception failed) when (failed is HttpRequestException or FormatException or InvalidOperationException or TaskCanceledException
                    && !cancellation.IsCancellationRequested)
                {
                    problems.Add($"{url}: {failed.Message}");
                }
            }

            if (stranger is null)
            {
                throw new BootstrapException($"No member of the cluster could be asked who this member is. {string.Join(" ", problems)}");
            }

            if (options.Time.GetElapsedTime(since) >= options.ElectionTimeout)
            {
                throw new BootstrapException(
                    $"The cluster at {stranger} has no member with the peer URLs {string.Join(",", own)}: add it first, with 'member add'.");
            }

            await Task.Delay(options.HeartbeatInterval, options.Time, cancellation).ConfigureAwait(false);
        }
    }

    // Null if nobody with these addresses is a member there.
    private static async Task<MemberFile?> AskAsync(Uri url, string[] own, HttpClient http, CancellationToken cancellation)
    {
        using var answer = await http.GetAsync(new Uri(url, "/members"), cancellation).ConfigureAwait(false);
        answer.EnsureSuccessStatusCode();
        var cluster = ulong.Parse(
            answer.Headers.GetValues(ClusterIdHeader).Single(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        var members = (await answer.Content.ReadFromJsonAsync(PeerJson.Default.MemberJsonArray, cancellation).ConfigureAwait(false) ?? [])
            .Select(member => member.ToMember())
            .ToArray();
        return members.FirstOrDefault(member => member.PeerUrls.Order().SequenceEqual(own.Order())) is { } self
            ? new MemberFile(self.Id, cluster, IsFounder: false, MemberTable.Bootstrapped(members))
            : null;
    }

    private static IEnumerable<(string Name, string[] PeerUrls)> Named(RaftKvOptions options, IReadOnlyList<Uri> ownPeerUrls)
        => options.InitialCluster.Count == 0
            ? [(options.Name, [.. ownPeerUrls.Select(Text)])]
            : options.InitialCluster
                .GroupBy(member => member.Name, StringComparer.Ordinal)
                .Select(group => (group.Key, group.Select(member => Text(member.PeerUrl)).ToArray()));

    private static void Check(RaftKvOptions options, IReadOnlyList<Uri> own, IReadOnlyList<string> named)
    {
        var told = own.Select(Text).Order().ToArray();
        if (options.InitialCluster.Count > 0 && !told.SequenceEqual(named.Order()))
        {
            throw new BootstrapException(
                $"The initial cluster says that '{options.Name}' is at {string.Join(",", named)}, but it advertises {string.Join(",", told)} "
                + "(--initial-advertise-peer-urls).");
        }
    }

    /// <summary>A URL as members write it: without a slash at its end.</summary>
    public static string Text(Uri url) => url.GetLeftPart(UriPartial.Authority);
}

/// <summary>A member as the peer port lists it.</summary>
internal sealed record MemberJson(
    [property: JsonPropertyName("id")] ulong Id,
    [property: JsonPropertyName("peerURLs")] IReadOnlyList<string> PeerUrls,
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("clientURLs")] IReadOnlyList<string>? ClientUrls,
    [property: JsonPropertyName("isLearner")] bool IsLearner)
{
    public static MemberJson Of(Member member)
        => new(member.Id.Value, member.PeerUrls, member.Name, member.ClientUrls, member.IsLearner);

    public Member ToMember() => new(new NodeId(Id), Name, PeerUrls, ClientUrls ?? [], IsLearner);
}
