using System.Net.Security;

namespace RaftKv.Server.Tls;

/// <summary>Cipher suites by the names that etcd's flag takes.</summary>
internal static class CipherSuites
{
    // What Go called them before they were standardised, and still takes.
    private static readonly Dictionary<string, TlsCipherSuite> OtherNames = new(StringComparer.Ordinal)
    {
        ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305"] = TlsCipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305"] = TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    };

    // Not a matter of choice: Go takes all of them whenever TLS 1.3 is spoken.
    private static readonly TlsCipherSuite[] OfTls13 =
    [
        TlsCipherSuite.TLS_AES_128_GCM_SHA256, TlsCipherSuite.TLS_AES_256_GCM_SHA384, TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256,
    ];

    /// <summary>What is wrong with a name; null if nothing is.</summary>
    public static string? Problem(string name)
        => TryParse(name, out _)
            ? null
            : $"--cipher-suites names '{name}', which is no cipher suite known here: write it as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256.";

    /// <summary>Null for the system's own choice.</summary>
    public static CipherSuitesPolicy? PolicyOf(IReadOnlyList<string> names)
    {
        if (names.Count == 0 || OperatingSystem.IsWindows() || OperatingSystem.IsAndroid())
        {
            return null;
        }

        var suites = new List<TlsCipherSuite>(OfTls13);
        foreach (var name in names)
        {
            if (TryParse(name, out var suite) && !suites.Contains(suite))
            {
                suites.Add(suite);
            }
        }

        return new CipherSuitesPolicy(suites);
    }

    // A number would be taken for a name otherwise.
    private static bool TryParse(string name, out TlsCipherSuite suite)
        => OtherNames.TryGetValue(name, out suite)
            || (name.StartsWith("TLS_", StringComparison.Ordinal) && Enum.TryParse(name, out suite));
}
