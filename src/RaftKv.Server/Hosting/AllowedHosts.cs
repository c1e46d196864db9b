using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace RaftKv.Server.Hosting;

/// <summary>
/// Under which names plain HTTP without TLS may be asked for: etcd's <c>--host-whitelist</c>. A web page that has bound a name
/// of its own to this machine's address is turned away by the name that its requests bear.
/// </summary>
internal static class AllowedHosts
{
    /// <param name="app">What is not gRPC comes here.</param>
    /// <param name="hosts">Names without a port; <c>*</c>, or none at all, for any.</param>
    public static void Require(IApplicationBuilder app, IReadOnlyList<string> hosts)
    {
        if (hosts.Count == 0 || hosts.Contains("*"))
        {
            return;
        }

        var allowed = hosts.ToHashSet(StringComparer.OrdinalIgnoreCase);
        app.Use((http, next) => http.Request.IsHttps || allowed.Contains(http.Request.Host.Host.Trim('[', ']'))
            ? next(http)
            : RefuseAsync(http));
    }

    private static Task RefuseAsync(HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status421MisdirectedRequest;
        http.Response.ContentType = "text/plain; charset=utf-8";
        return http.Response.WriteAsync("This member is not to be asked under that name (--host-whitelist).\n", http.RequestAborted);
    }
}
