using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace RaftKv.Rpc.Server;

/// <summary>
/// Lets one plaintext port serve HTTP/2 with prior knowledge and HTTP/1.1. Kestrel chooses the protocol of a connection
/// by ALPN, which only TLS has; so this looks at the first bytes, and where they are the HTTP/2 preface it puts in
/// place what ALPN would have left behind. Nothing is consumed.
/// </summary>
internal static class PrefaceSniffer
{
    /// <summary>RFC 9113 §3.4: what every HTTP/2 client sends first.</summary>
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    public static ConnectionDelegate Use(ConnectionDelegate next) => async connection =>
    {
        if (await StartsWithPrefaceAsync(connection.Transport.Input, connection.ConnectionClosed).ConfigureAwait(false))
        {
            connection.Features.Set<ITlsConnectionFeature>(NoCertificate.Instance);
            connection.Features.Set<ITlsApplicationProtocolFeature>(ChosenHttp2.Instance);
        }

        await next(connection).ConfigureAwait(false);
    };

    private static async ValueTask<bool> StartsWithPrefaceAsync(PipeReader input, CancellationToken closed)
    {
        while (true)
        {
            ReadResult result;
            try
            {
                result = await input.ReadAsync(closed).ConfigureAwait(false);
            }
            catch (Exception gone) when (gone is OperationCanceledException or IOException)
            {
                return false; // Kestrel meets the same end, and knows what to log.
            }

            var verdict = Compare(result.Buffer);
            if (verdict is { } decided || result.IsCompleted || result.IsCanceled)
            {
                // Examined nothing: the HTTP layer's first read returns these same bytes at once.
                input.AdvanceTo(result.Buffer.Start);
                return verdict ?? false;
            }

            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    /// <returns>Null while the bytes so far are a beginning of the preface.</returns>
    private static bool? Compare(in ReadOnlySequence<byte> bytes)
    {
        Span<byte> first = stackalloc byte[Preface.Length];
        var length = (int)Math.Min(bytes.Length, first.Length);
        first = first[..length];
        bytes.Slice(0, length).CopyTo(first);
        if (!Preface.StartsWith(first))
        {
            return false;
        }

        return length == Preface.Length ? true : null;
    }

    private sealed class ChosenHttp2 : ITlsApplicationProtocolFeature
    {
        public static readonly ChosenHttp2 Instance = new();

        public ReadOnlyMemory<byte> ApplicationProtocol { get; } = "h2"u8.ToArray();
    }

    private sealed class NoCertificate : ITlsConnectionFeature
    {
        public static readonly NoCertificate Instance = new();

        public X509Certificate2? ClientCertificate
        {
            get => null;
            set => throw new NotSupportedException("A plaintext connection has no certificate.");
        }

        public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult<X509Certificate2?>(null);
    }
}
