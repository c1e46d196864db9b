using System.CommandLine.Parsing;
using System.Net;
using RaftKv.Server;

namespace RaftKv.Cli.Serve;

/// <summary>An address to listen on, as etcd's flags write it: <c>http://127.0.0.1:2379</c>.</summary>
internal static class ListenUrl
{
    /// <summary>Reads comma-separated addresses; what is wrong with one becomes the error of the flag it came with.</summary>
    public static ListenAddress[] Parse(ArgumentResult argument)
    {
        var addresses = new List<ListenAddress>();
        foreach (var text in argument.Tokens.SelectMany(token => token.Value.Split(',')))
        {
            if (TryParse(text, out var address, out var problem))
            {
                addresses.Add(address);
            }
            else
            {
                argument.AddError(problem);
            }
        }

        return [.. addresses];
    }

    public static bool TryParse(string text, out ListenAddress address, out string problem)
    {
        address = new IPEndPoint(IPAddress.None, 0);
        problem = "";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            problem = $"'{text}' is no address to listen on: write it as http://127.0.0.1:2379.";
            return false;
        }

        if (url.PathAndQuery != "/" || url.UserInfo.Length > 0)
        {
            problem = $"'{text}' has more in it than a host and a port.";
            return false;
        }

        if (url.IsDefaultPort && !text.TrimEnd('/').EndsWith($":{url.Port}", StringComparison.Ordinal))
        {
            problem = $"'{text}' names no port: write it as {url.Scheme}://{url.Host}:2379.";
            return false;
        }

        var isTls = url.Scheme == Uri.UriSchemeHttps;
        var host = url.DnsSafeHost;
        if (string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase))
        {
            address = new ListenAddress(new IPEndPoint(IPAddress.Loopback, url.Port), isTls);
            return true;
        }

        if (!IPAddress.TryParse(host, out var ip))
        {
            problem = $"'{text}' names the host '{host}'; to listen, give one of this machine's IP addresses.";
            return false;
        }

        address = new ListenAddress(new IPEndPoint(ip, url.Port), isTls);
        return true;
    }
}
