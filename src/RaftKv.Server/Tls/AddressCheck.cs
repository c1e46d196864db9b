using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using RaftKv.Rpc.Tls;

namespace RaftKv.Server.Tls;

/// <summary>
/// Whether a certificate is for the address that its owner connects from. One that names no host at all is not bound to a
/// place, and passes, as with etcd.
/// </summary>
internal static class AddressCheck
{
    /// <summary>What is wrong, in words; null if nothing is. Asks the name service, if the certificate has names.</summary>
    public static string? Problem(X509Certificate2 certificate, IPAddress from)
    {
        if (certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault() is not { } names)
        {
            return null;
        }

        var address = from.IsIPv4MappedToIPv6 ? from.MapToIPv4() : from;
        var addresses = names.EnumerateIPAddresses().ToArray();
        var hosts = names.EnumerateDnsNames().ToArray();
        if ((addresses.Length == 0 && hosts.Length == 0) || addresses.Contains(address) || hosts.Any(host => IsAt(host, address)))
        {
            return null;
        }

        return $"its certificate {CertificateJudge.Named(certificate)} is for {CertificateJudge.Hosts(certificate)}, and it connects from {address}";
    }

    private static bool IsAt(string host, IPAddress address)
    {
        try
        {
            return host.StartsWith("*.", StringComparison.Ordinal)
                ? Dns.GetHostEntry(address).HostName.TrimEnd('.') is var name && name.Contains('.', StringComparison.Ordinal)
                    && name[name.IndexOf('.', StringComparison.Ordinal)..].Equals(host[1..], StringComparison.OrdinalIgnoreCase)
                : Dns.GetHostAddresses(host).Any(one => one.Equals(address));
        }
        catch (Exception unknown) when (unknown is SocketException or ArgumentException)
        {
            return false;
        }
    }
}
