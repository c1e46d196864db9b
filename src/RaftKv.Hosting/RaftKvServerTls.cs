using RaftKv.Server.Tls;

namespace RaftKv.Hosting;

/// <summary>TLS of one of a member's ports as configuration can say it. Files are PEM, and read again with every connection.</summary>
/// <example><code>
/// "ListenClient": [ "https://10.0.0.1:2379" ],
/// "ClientTls": { "CertificateFile": "server.crt", "KeyFile": "server.key", "AuthoritiesFile": "ca.crt" }
/// </code></example>
public sealed class RaftKvServerTls
{
    /// <inheritdoc cref="PortTls.CertificateFile"/>
    public string CertificateFile { get; set; } = "";

    public string KeyFile { get; set; } = "";

    /// <inheritdoc cref="PortTls.AuthoritiesFile"/>
    public string AuthoritiesFile { get; set; } = "";

    /// <inheritdoc cref="PortTls.RequiresCertificate"/>
    public bool RequiresCertificate { get; set; }

    /// <inheritdoc cref="PortTls.RevocationsFile"/>
    public string RevocationsFile { get; set; } = "";

    /// <inheritdoc cref="PortTls.AllowedHosts"/>
    public IList<string> AllowedHosts { get; } = [];

    /// <inheritdoc cref="PortTls.AllowedNames"/>
    public IList<string> AllowedNames { get; } = [];

    /// <inheritdoc cref="PortTls.IsAutomatic"/>
    public bool IsAutomatic { get; set; }

    internal PortTls Read() => new()
    {
        CertificateFile = CertificateFile,
        KeyFile = KeyFile,
        AuthoritiesFile = AuthoritiesFile,
        RequiresCertificate = RequiresCertificate,
        RevocationsFile = RevocationsFile,
        AllowedHosts = [.. AllowedHosts],
        AllowedNames = [.. AllowedNames],
        IsAutomatic = IsAutomatic,
    };
}
