namespace RaftKv.Server.Tls;

/// <summary>When a certificate that a member uses ends.</summary>
/// <param name="Use">The flag that it came by, such as <c>--peer-cert-file</c>.</param>
/// <param name="File">Where it was read from.</param>
/// <param name="Subject">Whose it is.</param>
/// <param name="NotAfter">From when on it is not valid any more.</param>
public sealed record CertificateExpiry(string Use, string File, string Subject, DateTimeOffset NotAfter);
