using System.CommandLine.Parsing;
using System.Net;

namespace RaftKv.Cli.Serve;

/// <summary>An address to listen on, as etcd's flags write it: <c>http://127.0.0.1:2379</c>.</summary>
internal static class ListenUrl
{
    /// <summary>Reads comma-separated addresses; what is wrong with one becomes the error of the flag it came with.</summary>
    public static IPEndPoint[] Parse(ArgumentResult argument)
    {
        var endPoints = new List<IPEndPoint>();
        foreach (var text in argument.Tokens.SelectMany(token => token.Value.Split(',')))
        {
            if (TryParse(text, out var endPoint, out var problem))
            {
                endPoints.Add(endPoint);
            }
            else
            {
                argument.AddError(problem);
            }
        }

        return [.. endPoints];
    }

    public static bool TryParse(string text, out IPEndPoint endPoint, out string problem)
    {
        endPoint = new IPEndPoint(IPAddress.None, 0);
        problem = "";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttp)
        {
            problem = $"'{text}' is no address to listen on: write it as http://127.0.0.1:2379.";
            return false;
        }

        if (url.PathAndQuery != "/" || url.UserInfo.Length > 0)
        {
            problem = $"'{text}' has more in it than a host and a port.";
            return false;
        }

        if (url.IsDefaultPort && !text.TrimEnd('/').EndsWith(":80", StringComparison.Ordinal))
        {
            problem = $"'{text}' names no port: write it as http://{url.Host}:2379.";
            return false;
        }

        var host = url.DnsSafeHost;
        if (string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase))
        {
            endPoint = new IPEndPoint(IPAddress.Loopback, url.Port);
            return true;
        }

        if (!IPAddress.TryParse(host, out var address))
        {
            problem = $"'{text}' names the host '{host}'; to listen, give one of this machine's IP addresses.";
            return false;
        }

        endPoint = new IPEndPoint(address, url.Port);
        return true;
    }
}
