using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;
using Microsoft.AspNetCore.Http;

namespace KubeStore.Authz;

/// <summary>
/// Tokens that programs run under: made for a service account, good for a while, and only as long as that account is there.
/// Signed JWTs (ES256), which nobody has to keep.
/// </summary>
/// <example><code>
/// using var tokens = new ServiceAccountTokens(registry, ServiceAccountTokens.OpenKey("sa.key"));
/// app.MapKubeStore(registry, new() { ServiceAccounts = tokens });
/// </code></example>
public sealed class ServiceAccountTokens(KubeRegistry registry, ECDsa key) : IDisposable
{
    /// <summary>Who has made them, and whom they are for unless somebody says otherwise.</summary>
    public const string Issuer = "https://kubernetes.default.svc";

    private const int LongestToken = 8192;
    private const long ShortestLife = 600;
    private const long UsualLife = 3600;
    private const long LongestLife = 1L << 32;

    private readonly Lock _gate = new();
    private readonly string _header = Encoded(Encoding.UTF8.GetBytes(
        $$"""{"alg":"ES256","kid":"{{Encoded(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))}}","typ":"JWT"}"""));

    /// <summary>The key in a file, made if there is none. Only its owner may read it.</summary>
    public static ECDsa OpenKey(string file)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        if (!File.Exists(file))
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            // Whole or not at all: a key that is cut off would keep the server from starting.
            var beside = $"{file}.{Guid.NewGuid():N}";
            using (var output = new FileStream(beside, options))
            {
                output.Write(Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem()));
                output.Flush(flushToDisk: true);
            }

            File.Move(beside, file);
            return key;
        }

        key.ImportFromPem(File.ReadAllText(file));
        return key;
    }

    public void Dispose() => key.Dispose();

    /// <summary>Answers a TokenRequest for an account.</summary>
    internal JsonObject Issue(KubeObject account, JsonObject request)
    {
        var seconds = request.IntegerAt("spec", "expirationSeconds") ?? UsualLife;
        var problems = new List<FieldError>();
        if (seconds < ShortestLife)
        {
            problems.Add(FieldError.Invalid("spec.expirationSeconds", JsonValue.Create(seconds), "may not specify a duration less than 10 minutes"));
        }
        else if (seconds > LongestLife)
        {
            problems.Add(FieldError.Invalid("spec.expirationSeconds", JsonValue.Create(seconds), "may not specify a duration larger than 2^32 seconds"));
        }

        if (request.ObjectAt("spec", "boundObjectRef") is not null)
        {
            problems.Add(FieldError.Forbidden("spec.boundObjectRef", "tokens are bound to their accounts only"));
        }

        if (problems.Count > 0)
        {
            throw Failure.Invalid("authentication.k8s.io", "TokenRequest", "", problems);
        }

        var now = registry.Time.GetUtcNow();
        var until = now.AddSeconds(seconds);
        var audiences = request.ArrayAt("spec", "audiences").Texts().ToList();
        var claims = new JsonObject
        {
            ["aud"] = JsonAccess.ToArray(audiences.Count > 0 ? audiences : [Issuer]),
            ["exp"] = until.ToUnixTimeSeconds(),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["iss"] = Issuer,
            ["jti"] = Guid.NewGuid().ToString("D"),
            ["kubernetes.io"] = new JsonObject
            {
                ["namespace"] = account.Namespace,
                ["serviceaccount"] = new JsonObject { ["name"] = account.Name, ["uid"] = account.Uid },
            },
            ["nbf"] = now.ToUnixTimeSeconds(),
            ["sub"] = $"system:serviceaccount:{account.Namespace}:{account.Name}",
        };
        request["kind"] = "TokenRequest";
        request["apiVersion"] = "authentication.k8s.io/v1";
        request.Ensure("metadata")["name"] = account.Name;
        request.Ensure("metadata")["namespace"] = account.Namespace;
        request.Ensure("metadata")["creationTimestamp"] = KubeTime.Seconds(now);
        request.Ensure("spec")["audiences"] = claims["aud"]!.DeepClone();
        request.Ensure("spec")["expirationSeconds"] = seconds;
        request["status"] = new JsonObject { ["token"] = Signed(claims), ["expirationTimestamp"] = KubeTime.Seconds(until) };
        return request;
    }

    /// <summary>Who a request comes from, if its token is one of ours and still good; else null.</summary>
    public async ValueTask<UserInfo?> AuthenticateAsync(HttpContext http)
    {
        var header = http.Request.Headers.Authorization.ToString();
        return header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)
            ? await UserOfAsync(header["Bearer ".Length..].Trim(), http.RequestAborted).ConfigureAwait(false)
            : null;
    }

    /// <summary>Whom a token is for; null if it is not ours, is not good any more, or is meant for others.</summary>
    public async ValueTask<UserInfo?> UserOfAsync(string token, CancellationToken cancellation = default)
    {
        if (Claims(token) is not { } claims || claims.TextAt("iss") != Issuer || !claims.ArrayAt("aud").Texts().Contains(Issuer))
        {
            return null;
        }

        var now = registry.Time.GetUtcNow().ToUnixTimeSeconds();
        if (claims.IntegerAt("exp") is not { } until || now >= until || claims.IntegerAt("nbf") > now)
        {
            return null;
        }

        var (ns, name, uid) = (claims.TextAt("kubernetes.io", "namespace"), claims.TextAt("kubernetes.io", "serviceaccount", "name"), claims.TextAt("kubernetes.io", "serviceaccount", "uid"));
        if (claims.TextAt("sub") != $"system:serviceaccount:{ns}:{name}" || !await IsThereAsync(ns, name, uid, cancellation).ConfigureAwait(false))
        {
            return null;
        }

        return new(claims.TextAt("sub"))
        {
            Uid = uid,
            Groups = ["system:serviceaccounts", $"system:serviceaccounts:{ns}", "system:authenticated"],
            Extra = new Dictionary<string, IReadOnlyList<string>> { ["authentication.kubernetes.io/credential-id"] = [$"JTI={claims.TextAt("jti")}"] },
        };
    }

    // Another of the same name is another.
    private async ValueTask<bool> IsThereAsync(string ns, string name, string uid, CancellationToken cancellation)
    {
        try
        {
            var account = await registry.GetAsync(registry.Catalog.Find("", "v1", "serviceaccounts")!, ns, name, cancellation: cancellation).ConfigureAwait(false);
            return account.Uid == uid;
        }
        catch (StatusException missing) when (missing.Status.Reason == "NotFound")
        {
            return false;
        }
    }

    private string Signed(JsonObject claims)
    {
        var text = $"{_header}.{Encoded(JsonText.Write(claims))}";
        lock (_gate)
        {
            return $"{text}.{Encoded(key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256))}";
        }
    }

    // Nothing of a token is believed before its signature is; and that is of one kind only, whatever the token says.
    private JsonObject? Claims(string token)
    {
        var end = token.LastIndexOf('.');
        if (token.Length > LongestToken || end < 0 || token[..end].Split('.') is not [var header, var body] || header != _header)
        {
            return null;
        }

        try
        {
            bool isOurs;
            lock (_gate)
            {
                isOurs = key.VerifyData(Encoding.ASCII.GetBytes(token[..end]), Base64Url.DecodeFromChars(token.AsSpan(end + 1)), HashAlgorithmName.SHA256);
            }

            return isOurs ? JsonText.ParseObject(Base64Url.DecodeFromChars(body)) : null;
        }
        catch (Exception wrong) when (wrong is FormatException or JsonException or CryptographicException)
        {
            return null;
        }
    }

    private static string Encoded(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);
}
