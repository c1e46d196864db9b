using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;

namespace RaftKv.Server.Hosting;

/// <summary>Over HTTP on the peer port, beside the streams of Raft.</summary>
internal sealed class LeaderCalls(HttpClient http) : ILeaderCalls
{
    public const string RenewPath = "/raftkv/lease/renew";
    public const string TimePath = "/raftkv/lease/time";
    public const string ChangePath = "/raftkv/members/change";
    public const string RefusalHeader = "X-RaftKv-Refusal";

    public async ValueTask<long?> RenewLeaseAsync(Uri leader, long id, CancellationToken cancellation)
    {
        using var answer = await TrySendAsync(HttpMethod.Post, leader, $"{RenewPath}?id={Text(id)}", content: null, cancellation)
            .ConfigureAwait(false);
        return answer is null
            ? null
            : long.Parse(await answer.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false), CultureInfo.InvariantCulture);
    }

    public async ValueTask<(bool IsAnswered, LeaseTime? Time)> GetLeaseTimeAsync(
        Uri leader, long id, bool wantsKeys, CancellationToken cancellation)
    {
        using var answer = await TrySendAsync(
            HttpMethod.Get, leader, $"{TimePath}?id={Text(id)}&keys={wantsKeys}", content: null, cancellation).ConfigureAwait(false);
        if (answer is null)
        {
            return (false, null);
        }

        var time = await answer.Content.ReadFromJsonAsync(PeerJson.Default.LeaseTimeJson, cancellation).ConfigureAwait(false);
        return (true, time?.ToLeaseTime());
    }

    public async ValueTask<StateError?> ChangeMembersAsync(Uri leader, MemberChange change, CancellationToken cancellation)
    {
        using var content = new ByteArrayContent(change.Encode());
        using var answer = await TrySendAsync(HttpMethod.Post, leader, ChangePath, content, cancellation).ConfigureAwait(false);
        return answer is null
            ? null
            : Enum.Parse<StateError>(await answer.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false));
    }

    private async ValueTask<HttpResponseMessage?> TrySendAsync(
        HttpMethod method, Uri leader, string path, HttpContent? content, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, new Uri(leader, path)) { Content = content };
        HttpResponseMessage answer;
        try
        {
            answer = await http.SendAsync(request, cancellation).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is HttpRequestException
            || (failed is TaskCanceledException && !cancellation.IsCancellationRequested))
        {
            return null;
        }

        if (answer.StatusCode == HttpStatusCode.OK)
        {
            return answer;
        }

        // Refused for a reason that the client is to hear.
        var refusal = answer.Headers.TryGetValues(RefusalHeader, out var values) ? values.FirstOrDefault() : null;
        answer.Dispose();
        return Enum.TryParse<RequestRefusal>(refusal, out var reason) && reason != RequestRefusal.NotLeader
            ? throw new RequestRefusedException(reason)
            : null;
    }

    private static string Text(long id) => id.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A lease's time as the peer port tells it.</summary>
internal sealed record LeaseTimeJson(bool IsThere, long Remaining, long Granted, byte[][] Keys)
{
    public static LeaseTimeJson Of(LeaseTime? time)
        => time is null
            ? new LeaseTimeJson(false, 0, 0, [])
            : new LeaseTimeJson(true, time.Remaining, time.Granted, [.. time.Keys.Select(key => key.ToArray())]);

    public LeaseTime? ToLeaseTime()
        => IsThere ? new LeaseTime(Remaining, Granted, [.. Keys.Select(key => (ReadOnlyMemory<byte>)key)]) : null;
}
