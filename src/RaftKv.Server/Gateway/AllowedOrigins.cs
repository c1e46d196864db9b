using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace RaftKv.Server.Gateway;

/// <summary>
/// Whose web pages may call. A browser that has a page of somebody else open would otherwise write to a store on its own
/// machine, which trusts whoever is there. Programs send no origin and are not asked for one.
/// </summary>
/// <param name="origins">Such as <c>https://console.example.com</c>; <c>*</c> for all.</param>
internal sealed class AllowedOrigins(IEnumerable<string> origins)
{
    private readonly FrozenSet<string> _origins = origins.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Tells the browser what it may do.</summary>
    /// <returns>Why it may not; null if it may.</returns>
    public string? Check(HttpContext http)
    {
        var sent = http.Request.Headers.Origin;
        if (StringValues.IsNullOrEmpty(sent))
        {
            return null;
        }

        var origin = sent.ToString();
        var isAny = _origins.Contains("*");
        if (!isAny && !_origins.Contains(origin))
        {
            return $"Pages of {origin} may not call this member; --cors lists those that may.";
        }

        var headers = http.Response.Headers;
        headers.AccessControlAllowMethods = "POST, GET, OPTIONS, PUT, DELETE";
        headers.AccessControlAllowHeaders = "accept, content-type, authorization";
        headers.AccessControlAllowOrigin = isAny ? "*" : origin;
        return null;
    }
}
