namespace RaftKv.Server.Tokens;

/// <summary>
/// Tokens that are signed, and known on every member without being remembered by any. A change of users or roles makes all
/// of them old.
/// </summary>
/// <example><code>
/// Jwt = new JwtOptions { Method = "RS256", PrivateKeyFile = "tokens.key", PublicKeyFile = "tokens.pub" }
/// </code></example>
public sealed record JwtOptions
{
    /// <summary>RS256, PS256, ES256 or HS256, or one of them with 384 or 512.</summary>
    public required string Method { get; init; }

    /// <summary>PEM; for HS… any bytes. Without it the member knows tokens, and gives none.</summary>
    public string PrivateKeyFile { get; init; } = "";

    /// <summary>PEM; not needed where the private key is there.</summary>
    public string PublicKeyFile { get; init; } = "";

    public TimeSpan TimeToLive { get; init; } = TimeSpan.FromMinutes(5);

    internal IEnumerable<string> Problems()
    {
        if (Method == "EdDSA")
        {
            yield return "--auth-token asks for sign-method EdDSA, which this version cannot do: take ES256, or RS256.";
        }
        else if (!JwtKey.IsMethod(Method))
        {
            yield return $"--auth-token asks for sign-method '{Method}'; it must be RS256, PS256, ES256 or HS256, or one of them with 384 or 512.";
        }

        if (PrivateKeyFile.Length == 0 && (PublicKeyFile.Length == 0 || Method.StartsWith("HS", StringComparison.Ordinal)))
        {
            yield return "--auth-token names no key for jwt: add priv-key=FILE, or pub-key=FILE for a member that only has to know tokens.";
        }

        if (TimeToLive < TimeSpan.FromSeconds(1))
        {
            yield return $"--auth-token gives tokens {TimeToLive.TotalSeconds} s to live; it must be a second at least.";
        }
    }
}
