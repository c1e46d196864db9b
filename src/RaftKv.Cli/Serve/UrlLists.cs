using System.CommandLine.Parsing;

namespace RaftKv.Cli.Serve;

/// <summary>Lists of addresses as etcd's flags write them, for others to connect to.</summary>
internal static class UrlLists
{
    /// <summary><c>http://10.0.0.1:2379,http://db.example:2379</c></summary>
    public static Uri[] ParseAdvertised(ArgumentResult argument)
    {
        var (urls, problems) = Urls(argument.Tokens.SelectMany(token => token.Value.Split(',')));
        problems.ForEach(argument.AddError);
        return urls;
    }

    /// <summary>The texts as URLs, and what is wrong with those that are none.</summary>
    public static (Uri[] Urls, List<string> Problems) Urls(IEnumerable<string> texts)
    {
        var (urls, problems) = (new List<Uri>(), new List<string>());
        foreach (var text in texts)
        {
            if (TryParse(text.Trim(), out var url, out var problem))
            {
                urls.Add(url);
            }
            else
            {
                problems.Add(problem);
            }
        }

        return ([.. urls], problems);
    }

    /// <summary><c>a=http://10.0.0.1:2380,b=http://10.0.0.2:2380</c>; a name may come again with another URL.</summary>
    public static (string Name, Uri PeerUrl)[] ParseCluster(ArgumentResult argument)
    {
        var (members, problems) = Cluster(argument.Tokens.SelectMany(token => token.Value.Split(',')));
        problems.ForEach(argument.AddError);
        return members;
    }

    /// <summary>The texts as members, and what is wrong with those that are none.</summary>
    public static ((string Name, Uri PeerUrl)[] Members, List<string> Problems) Cluster(IEnumerable<string> texts)
    {
        var (members, problems) = (new List<(string, Uri)>(), new List<string>());
        foreach (var text in texts)
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                problems.Add($"'{text}' names no member and its URL: write it as name=http://10.0.0.1:2380.");
            }
            else if (TryParse(text[(equals + 1)..].Trim(), out var url, out var problem))
            {
                members.Add((text[..equals].Trim(), url));
            }
            else
            {
                problems.Add(problem);
            }
        }

        return ([.. members], problems);
    }

    private static bool TryParse(string text, out Uri url, out string problem)
    {
        problem = "";
        url = null!;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("http" or "https") || parsed.Host.Length == 0)
        {
            problem = $"'{text}' is no URL that others can connect to: write it as http://10.0.0.1:2380.";
            return false;
        }

        if (parsed.PathAndQuery != "/" || parsed.UserInfo.Length > 0)
        {
            problem = $"'{text}' has more in it than a host and a port.";
            return false;
        }

        var port = text.AsSpan().TrimEnd('/');
        if (parsed.IsDefaultPort && !port.EndsWith($":{parsed.Port}", StringComparison.Ordinal))
        {
            problem = $"'{text}' names no port: write it as {parsed.Scheme}://{parsed.Host}:2380.";
            return false;
        }

        url = parsed;
        return true;
    }
}
