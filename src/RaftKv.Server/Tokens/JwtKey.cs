using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using RaftKv.Rpc.Tls;

namespace RaftKv.Server.Tokens;

/// <summary>What tokens are signed with, and what tells a signature from a forgery (RFC 7518 §3).</summary>
internal sealed class JwtKey : IDisposable
{
    private const string Flag = "--auth-token";

    // The classes of the framework may be used by one thread at a time.
    private readonly Lock _gate = new();
    private readonly HashAlgorithmName _hash;
    private readonly RSA? _rsa;
    private readonly ECDsa? _ecdsa;
    private readonly byte[]? _secret;

    private JwtKey(JwtOptions options)
    {
        Method = options.Method;
        _hash = new HashAlgorithmName($"SHA{Method[2..]}");
        CanSign = options.PrivateKeyFile.Length > 0;
        var path = CanSign ? options.PrivateKeyFile : options.PublicKeyFile;
        switch (Method[..2])
        {
            case "HS":
                _secret = Read(path);
                break;
            case "ES":
                _ecdsa = ECDsa.Create();
                Import(_ecdsa, path, certificate => certificate.GetECDsaPublicKey());
                if (_ecdsa.KeySize != CurveBits(Method))
                {
                    throw new CertificateFileException($"{Flag}: {Method} takes a key of {CurveBits(Method)} bits, and the one in {path} has {_ecdsa.KeySize}.");
                }

                break;
            default:
                _rsa = RSA.Create();
                Import(_rsa, path, certificate => certificate.GetRSAPublicKey());
                break;
        }

        if (CanSign && options.PublicKeyFile.Length > 0 && _secret is null)
        {
            CheckPair(options);
        }
    }

    public string Method { get; }

    /// <summary>Whether the private key is there.</summary>
    public bool CanSign { get; }

    public static bool IsMethod(string name)
        => name.Length == 5 && name[..2] is "RS" or "PS" or "ES" or "HS" && name[2..] is "256" or "384" or "512";

    /// <exception cref="CertificateFileException">A file cannot be used.</exception>
    public static JwtKey Open(JwtOptions options) => new(options);

    public byte[] Sign(ReadOnlySpan<byte> text)
    {
        lock (_gate)
        {
            return _secret is not null ? Mac(text)
                : _ecdsa is not null ? _ecdsa.SignData(text, _hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)
                : _rsa!.SignData(text, _hash, Padding);
        }
    }

    public bool IsRight(ReadOnlySpan<byte> text, ReadOnlySpan<byte> signature)
    {
        lock (_gate)
        {
            return _secret is not null ? CryptographicOperations.FixedTimeEquals(Mac(text), signature)
                : _ecdsa is not null ? _ecdsa.VerifyData(text, signature, _hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)
                : _rsa!.VerifyData(text, signature, _hash, Padding);
        }
    }

    public void Dispose()
    {
        _rsa?.Dispose();
        _ecdsa?.Dispose();
    }

    private RSASignaturePadding Padding => Method[0] == 'P' ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1;

    private static int CurveBits(string method) => method == "ES512" ? 521 : int.Parse(method.AsSpan(2), System.Globalization.CultureInfo.InvariantCulture);

    private byte[] Mac(ReadOnlySpan<byte> text)
        => _hash.Name switch
        {
            "SHA256" => HMACSHA256.HashData(_secret, text),
            "SHA384" => HMACSHA384.HashData(_secret, text),
            _ => HMACSHA512.HashData(_secret, text),
        };

    private static byte[] Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new CertificateFileException($"{Flag}: {path} cannot be read: {unreadable.Message}", unreadable);
        }
    }

    private static void Import(AsymmetricAlgorithm key, string path, Func<X509Certificate2, AsymmetricAlgorithm?> ofCertificate)
    {
        var text = System.Text.Encoding.UTF8.GetString(Read(path));
        try
        {
            if (!PemCertificates.Labels(text).Contains("CERTIFICATE"))
            {
                key.ImportFromPem(text);
                return;
            }

            using var certificate = X509Certificate2.CreateFromPem(text);
            using var ofIt = ofCertificate(certificate)
                ?? throw new CertificateFileException($"{Flag}: the certificate in {path} has a key of another kind than sign-method asks for.");
            key.ImportFromPem(ofIt.ExportSubjectPublicKeyInfoPem());
        }
        catch (Exception wrong) when (wrong is ArgumentException or CryptographicException)
        {
            throw new CertificateFileException($"{Flag}: {path} holds no key of the kind that sign-method asks for: {wrong.Message}", wrong);
        }
    }

    private void CheckPair(JwtOptions options)
    {
        using var other = new JwtKey(options with { PrivateKeyFile = "" });
        byte[] text = [1, 2, 3];
        if (!other.IsRight(text, Sign(text)))
        {
            throw new CertificateFileException($"{Flag}: the keys in {options.PrivateKeyFile} and {options.PublicKeyFile} do not belong together.");
        }
    }
}
