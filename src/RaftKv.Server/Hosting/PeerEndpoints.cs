using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;

namespace RaftKv.Server.Hosting;

/// <summary>What the peer port answers over HTTP: who the members are, and what followers ask of a leader.</summary>
internal static class PeerEndpoints
{
    private const int MaxChangeBytes = 64 * 1024;

    public static void Map(IApplicationBuilder app, RunningMember member, string version)
    {
        Answer(app, "/version", http => http.Response.WriteAsJsonAsync(new VersionJson(version, version), PeerJson.Default.VersionJson));
        Answer(app, "/members", http =>
        {
            http.Response.Headers[Founding.ClusterIdHeader] = member.ClusterId.ToString("x", CultureInfo.InvariantCulture);
            return http.Response.WriteAsJsonAsync([.. member.Members.Select(MemberJson.Of)], PeerJson.Default.MemberJsonArray);
        });
        Answer(app, LeaderCalls.RenewPath, async http =>
        {
            var ttl = await member.RenewHereAsync(Id(http), http.RequestAborted).ConfigureAwait(false)
                ?? throw new RequestRefusedException(RequestRefusal.NotLeader);
            await http.Response.WriteAsync(ttl.ToString(CultureInfo.InvariantCulture)).ConfigureAwait(false);
        });
        Answer(app, LeaderCalls.TimePath, async http =>
        {
            if (!member.IsLeasing)
            {
                throw new RequestRefusedException(RequestRefusal.NotLeader);
            }

            var wantsKeys = string.Equals(http.Request.Query["keys"], bool.TrueString, StringComparison.OrdinalIgnoreCase);
            var time = await member.GetLeaseTimeAsync(Id(http), wantsKeys, http.RequestAborted).ConfigureAwait(false);
            await http.Response.WriteAsJsonAsync(LeaseTimeJson.Of(time), PeerJson.Default.LeaseTimeJson).ConfigureAwait(false);
        });
        Answer(app, LeaderCalls.ChangePath, async http =>
        {
            if (!member.Standing.IsLeader)
            {
                throw new RequestRefusedException(RequestRefusal.NotLeader);
            }

            var body = new byte[MaxChangeBytes];
            var length = await http.Request.Body.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, http.RequestAborted)
                .ConfigureAwait(false);
            var change = MemberChange.Decode(body.AsSpan(0, length));
            var (error, _) = await member.ChangeMembersHereAsync(change, http.RequestAborted).ConfigureAwait(false);
            await http.Response.WriteAsync(error.ToString()).ConfigureAwait(false);
        });
    }

    private static void Answer(IApplicationBuilder app, string path, RequestDelegate answer)
        => app.Map(path, branch => branch.Run(async http =>
        {
            try
            {
                await answer(http).ConfigureAwait(false);
            }
            catch (RequestRefusedException refused)
            {
                http.Response.StatusCode = StatusCodes.Status409Conflict;
                http.Response.Headers[LeaderCalls.RefusalHeader] = refused.Reason.ToString();
            }
            catch (FormatException wrong)
            {
                http.Response.StatusCode = StatusCodes.Status400BadRequest;
                await http.Response.WriteAsync(wrong.Message).ConfigureAwait(false);
            }
        }));

    private static long Id(HttpContext http)
        => long.Parse(http.Request.Query["id"].ToString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
}
