using RaftKv.Cli.Commands.Flags;

namespace RaftKv.Cli.Commands.Members;

/// <summary>The addresses where a member's peers reach it.</summary>
internal static class PeerUrls
{
    public static ListFlag AddTo(FlagSet flags)
        => flags.List("peer-urls", "URL,...", "Where the other members reach it, as in http://10.0.0.4:2380");

    /// <exception cref="CommandFailure">There is none, or one is no such address.</exception>
    public static void Check(IReadOnlyList<string> urls)
    {
        if (urls.Count == 0)
        {
            throw CommandFailure.BadArguments("member peer urls not provided");
        }

        foreach (var url in urls)
        {
            if (!Uri.TryCreate(url, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("http" or "https" or "unix" or "unixs"))
            {
                throw new CommandFailure(ExitCode.Error, $"URL scheme must be http, https, unix, or unixs: {url}");
            }

            if (parsed.Scheme is "http" or "https" && (parsed.PathAndQuery != "/" || parsed.UserInfo.Length > 0))
            {
                throw new CommandFailure(ExitCode.Error, $"URL must not contain a path: {url}");
            }
        }
    }
}
