using System.Security.Cryptography;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Server;

namespace RaftKv.Server.Api;

/// <summary>
/// Cuts a snapshot into the messages of its stream: blobs of one size, then the sum over all of them.
/// </summary>
/// <remarks>Programs that save a snapshot take its length, sum included, for a sign of a complete one: what comes before the
/// sum must be a multiple of 512 bytes. It is filled up with zeros, which a reader of our snapshots passes over. How many
/// bytes there will be is known only when all have been read, so what messages say to be left is about that, and nothing
/// not before the last.</remarks>
/// <param name="bytes">About how many there will be.</param>
/// <param name="from">So many are there already, and count for the sum alone.</param>
/// <param name="version">Of the store they are from.</param>
/// <param name="responses">Where they go.</param>
internal sealed class SnapshotBlobs(long bytes, long from, string version, RpcResponseStream<SnapshotResponse> responses) : IDisposable
{
    private const int BlobBytes = 32 * 1024;
    private const int Alignment = 512;

    private readonly IncrementalHash _sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _blob = new byte[BlobBytes];
    private long _left = Padded(bytes);
    private long _sent;
    private int _filled;

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> piece)
    {
        while (!piece.IsEmpty)
        {
            if (_filled == BlobBytes)
            {
                await SendAsync(BlobBytes, isLast: false).ConfigureAwait(false);
            }

            var part = Math.Min(piece.Length, BlobBytes - _filled);
            piece.Span[..part].CopyTo(_blob.AsSpan(_filled));
            _filled += part;
            piece = piece[part..];
        }
    }

    /// <summary>Sends what is left, and the sum.</summary>
    public async ValueTask EndAsync()
    {
        if (_filled > 0)
        {
            var padded = (int)Padded(_filled);
            _blob.AsSpan(_filled, padded - _filled).Clear();
            await SendAsync(padded, isLast: true).ConfigureAwait(false);
        }

        await responses.WriteAsync(new SnapshotResponse
        {
            Blob = ByteString.CopyFrom(_sum.GetHashAndReset()),
            Version = version,
        }).ConfigureAwait(false);
    }

    public void Dispose() => _sum.Dispose();

    private static long Padded(long length) => (length + Alignment - 1) / Alignment * Alignment;

    private async ValueTask SendAsync(int length, bool isLast)
    {
        _sum.AppendData(_blob, 0, length);
        _left = isLast ? 0 : Math.Max(_left - length, Alignment);
        _filled = 0;
        var skipped = (int)Math.Clamp(from - _sent, 0, length);
        _sent += length;
        if (skipped == length)
        {
            // Nothing is awaited while the sum catches up, and others want to run too.
            await Task.Yield();
            return;
        }

        await responses.WriteAsync(new SnapshotResponse
        {
            // Written before this returns, so the blob may be filled again.
            Blob = UnsafeByteOperations.UnsafeWrap(_blob.AsMemory(skipped, length - skipped)),
            RemainingBytes = (ulong)_left,
            Version = version,
        }).ConfigureAwait(false);
    }
}
