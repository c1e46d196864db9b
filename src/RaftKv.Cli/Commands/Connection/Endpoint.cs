namespace RaftKv.Cli.Commands.Connection;

/// <summary>A member's client address: as it was written, which answers repeat, and as a channel takes it.</summary>
internal sealed record Endpoint(string Text, Uri Address)
{
    /// <exception cref="FormatException">The text is no such address; the message says what one looks like.</exception>
    public static Endpoint Parse(string text, bool isTls)
    {
        var full = text.Contains("://", StringComparison.Ordinal) ? text : (isTls ? "https://" : "http://") + text;
        if (!Uri.TryCreate(full, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
        {
            throw new FormatException($"'{text}' is no endpoint: write it as 127.0.0.1:2379 or http://127.0.0.1:2379");
        }

        if (address.PathAndQuery != "/" || address.UserInfo.Length > 0 || address.Fragment.Length > 0)
        {
            throw new FormatException($"'{text}' has more in it than a host and a port");
        }

        if (address.IsDefaultPort && !full.TrimEnd('/').EndsWith($":{address.Port}", StringComparison.Ordinal))
        {
            throw new FormatException($"'{text}' names no port: write it as {address.Host}:2379");
        }

        return new Endpoint(text, address);
    }
}
