using System.CommandLine;
using RaftKv.Cli.Commands.Text;
using RaftKv.Server;
using RaftKv.Server.Tokens;

namespace RaftKv.Cli.Serve;

/// <summary>The flags of a member that are about users, under etcd's names.</summary>
internal sealed class AuthFlags
{
    private const string Simple = "simple";

    private readonly Option<string> _token = new("--auth-token")
    {
        Description = "How users prove who they are after they have given their password: 'simple', or 'jwt,priv-key=FILE,pub-key=FILE,sign-method=RS256,ttl=5m'",
        HelpName = "simple|jwt,...",
        DefaultValueFactory = _ => Simple,
    };

    private readonly Option<int> _ttl = new("--auth-token-ttl")
    {
        Description = "How many seconds a simple token lives that is not used",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 300,
    };

    private readonly Option<int> _cost = new("--bcrypt-cost")
    {
        Description = "Each one more doubles the time that a password takes to be looked at, and to be guessed",
        HelpName = "4..31",
        DefaultValueFactory = _ => 10,
    };

    public IEnumerable<Option> All => [_token, _ttl, _cost];

    /// <summary>Adds what they say to the options of a member.</summary>
    /// <exception cref="FlagException">They cannot be followed.</exception>
    public RaftKvOptions AddTo(RaftKvOptions options, ParseResult parsed) => options with
    {
        Jwt = ReadToken(parsed.GetRequiredValue(_token)),
        TokenTimeToLive = TimeSpan.FromSeconds(parsed.GetRequiredValue(_ttl)),
        PasswordCost = parsed.GetRequiredValue(_cost),
    };

    private static JwtOptions? ReadToken(string text)
    {
        var parts = text.Split(',');
        if (parts is [Simple])
        {
            return null;
        }

        if (parts[0] != "jwt")
        {
            throw new FlagException($"--auth-token is '{text}'; it must be simple, or jwt with its settings: jwt,priv-key=FILE,sign-method=RS256.");
        }

        var jwt = new JwtOptions { Method = "" };
        foreach (var part in parts.Skip(1))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            var value = part[(equals + 1)..];
            jwt = (equals < 0 ? "" : part[..equals]) switch
            {
                "sign-method" => jwt with { Method = value },
                "priv-key" => jwt with { PrivateKeyFile = value },
                "pub-key" => jwt with { PublicKeyFile = value },
                "ttl" => jwt with { TimeToLive = ReadDuration(value) },
                _ => throw new FlagException($"--auth-token has '{part}' in it; known are sign-method, priv-key, pub-key and ttl, each with = and a value."),
            };
        }

        return jwt;
    }

    private static TimeSpan ReadDuration(string text)
    {
        try
        {
            return GoDuration.Parse(text);
        }
        catch (FormatException)
        {
            throw new FlagException($"--auth-token has the ttl '{text}', which is no duration: write it as 5m or 300s.");
        }
    }
}
