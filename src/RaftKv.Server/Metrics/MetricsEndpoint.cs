using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace RaftKv.Server.Metrics;

/// <summary><c>/metrics</c>, and what of it is counted when it is asked for.</summary>
internal static class MetricsEndpoint
{
    public static void Map(IApplicationBuilder app, NodeMetrics metrics)
        => app.Use((http, next) => http.Request.Path.Value != "/metrics" ? next(http) : WriteAsync(http, metrics));

    private static Task WriteAsync(HttpContext http, NodeMetrics metrics)
    {
        if (!HttpMethods.IsGet(http.Request.Method))
        {
            http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            http.Response.Headers.Allow = HttpMethods.Get;
            return Task.CompletedTask;
        }

        http.Response.ContentType = MetricsText.ContentType;
        return http.Response.WriteAsync(metrics.Page(), http.RequestAborted);
    }
}
