using KubeStore.Registry;
using Microsoft.AspNetCore.Http;

namespace KubeStore.Authz;

/// <summary>Bearer tokens from a file with a line for each: <c>token,user,uid,"group1,group2"</c>.</summary>
/// <example><code>
/// var tokens = TokenFile.Read("tokens.csv");
/// app.MapKubeStore(registry, new KubeApiOptions { Authenticate = tokens.Authenticate, UsesRoles = true });
/// </code></example>
public sealed class TokenFile
{
    private readonly Dictionary<string, UserInfo> _users = new(StringComparer.Ordinal);

    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="FormatException">A line of it says too little.</exception>
    public static TokenFile Read(string path) => Parse(File.ReadAllLines(path));

    public static TokenFile Parse(IEnumerable<string> lines)
    {
        var tokens = new TokenFile();
        var number = 0;
        foreach (var line in lines)
        {
            number++;
            if (line.Trim().Length == 0 || line.StartsWith('#'))
            {
                continue;
            }

            var fields = Fields(line);
            if (fields.Count < 3 || fields[0].Length == 0 || fields[1].Length == 0)
            {
                throw new FormatException(FormattableString.Invariant($"line {number} of the token file must be token,user,uid[,\"group1,group2\"]"));
            }

            tokens._users[fields[0]] = new(fields[1])
            {
                Uid = fields[2],
                Groups =
                [
                    .. fields.Count > 3 ? fields[3].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) : [],
                    "system:authenticated",
                ],
            };
        }

        return tokens;
    }

    /// <summary>Who a request comes from; null if its token is nobody's. Without a token it is anonymous.</summary>
    public UserInfo? Authenticate(HttpContext http)
    {
        var header = http.Request.Headers.Authorization.ToString();
        return header.Length == 0 ? UserInfo.Nobody
            : header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? _users.GetValueOrDefault(header["Bearer ".Length..].Trim())
            : null;
    }

    private static List<string> Fields(string line)
    {
        var fields = new List<string>();
        var field = new System.Text.StringBuilder();
        var isQuoted = false;
        foreach (var letter in line)
        {
            if (letter == '"')
            {
                isQuoted = !isQuoted;
            }
            else if (letter == ',' && !isQuoted)
            {
                fields.Add(field.ToString().Trim());
                field.Clear();
            }
            else
            {
                field.Append(letter);
            }
        }

        fields.Add(field.ToString().Trim());
        return fields;
    }
}
