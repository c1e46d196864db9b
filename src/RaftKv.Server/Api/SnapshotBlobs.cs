using System.Security.Cryptography;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Server;

namespace RaftKv.Server.Api;

/// <summary>
/// Cuts a snapshot into the messages of its stream: blobs of one size, then the sum over all of them.
/// </summary>
/// <remarks>Programs that save a snapshot take its length, sum included, for a sign of a complete one: what comes before the
/// sum must be a multiple of 512 bytes. It is filled up with zeros, which a reader of our snapshots passes over. How much
/// is to come is not known before the end, so all but the last blob tell an estimate.</remarks>
internal sealed class SnapshotBlobs(long expectedBytes, string version, RpcResponseStream<SnapshotResponse> responses) : IDisposable
{
    private const int BlobBytes = 32 * 1024;
    private const int Alignment = 512;

    private readonly IncrementalHash _sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _blob = new byte[BlobBytes];
    private int _filled;
    private long _sent;

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        while (!bytes.IsEmpty)
        {
            // A full blob waits for the next byte: the last one is told to be the last.
            if (_filled == BlobBytes)
            {
                cancellation.ThrowIfCancellationRequested();
                await SendAsync(BlobBytes, Math.Max(1, expectedBytes - _sent - BlobBytes)).ConfigureAwait(false);
            }

            var part = Math.Min(bytes.Length, BlobBytes - _filled);
            bytes.Span[..part].CopyTo(_blob.AsSpan(_filled));
            _filled += part;
            bytes = bytes[part..];
        }
    }

    /// <summary>Sends what is left, and the sum.</summary>
    public async ValueTask EndAsync()
    {
        if (_filled > 0)
        {
            var padded = (_filled + Alignment - 1) / Alignment * Alignment;
            _blob.AsSpan(_filled, padded - _filled).Clear();
            await SendAsync(padded, remaining: 0).ConfigureAwait(false);
        }

        await responses.WriteAsync(new SnapshotResponse
        {
            Blob = ByteString.CopyFrom(_sum.GetHashAndReset()),
            Version = version,
        }).ConfigureAwait(false);
    }

    public void Dispose() => _sum.Dispose();

    private async ValueTask SendAsync(int bytes, long remaining)
    {
        _sum.AppendData(_blob, 0, bytes);
        _sent += bytes;
        _filled = 0;
        await responses.WriteAsync(new SnapshotResponse
        {
            // Written before this returns, so the blob may be filled again.
            Blob = UnsafeByteOperations.UnsafeWrap(_blob.AsMemory(0, bytes)),
            RemainingBytes = (ulong)remaining,
            Version = version,
        }).ConfigureAwait(false);
    }
}
