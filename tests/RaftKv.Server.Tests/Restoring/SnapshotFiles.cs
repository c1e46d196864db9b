using System.Security.Cryptography;
using RaftKv.Storage.Backups;

namespace RaftKv.Server.Tests.Restoring;

/// <summary>Snapshots of running members, as files.</summary>
internal static class SnapshotFiles
{
    public static async Task<byte[]> OfAsync(RaftKvNode node)
    {
        using var bytes = new MemoryStream();
        await using var source = await node.Member.OpenSnapshotAsync(TestContext.Current.CancellationToken);
        await foreach (var piece in source.ReadAsync(0, TestContext.Current.CancellationToken))
        {
            bytes.Write(piece.Span);
        }

        while (bytes.Length % SavedState.Block != 0)
        {
            bytes.WriteByte(0);
        }

        bytes.Write(SHA256.HashData(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
        return bytes.ToArray();
    }
}
