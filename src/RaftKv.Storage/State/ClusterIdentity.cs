using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using RaftKv.Raft;

namespace RaftKv.Storage.State;

/// <summary>
/// How members and clusters come by their ids: the first eight bytes of a SHA-1 over what tells them apart. Nothing is
/// secured by it; it is the sum that etcd uses, so that ids stay the same when a cluster is moved from there.
/// </summary>
public static class ClusterIdentity
{
    /// <summary>The id of a member that is there from the start.</summary>
    /// <param name="peerUrls">In any order.</param>
    /// <param name="clusterToken">Tells clusters apart that are started from the same URLs.</param>
    public static NodeId OfInitialMember(IEnumerable<string> peerUrls, string clusterToken)
        => new(FirstBytes(Encoding.UTF8.GetBytes(Joined(peerUrls) + clusterToken)));

    /// <summary>The id of a member that is added later.</summary>
    /// <param name="peerUrls">In any order.</param>
    /// <param name="unixSeconds">When it is added, so that a member that was removed may come back as another one.</param>
    public static NodeId OfAddedMember(IEnumerable<string> peerUrls, long unixSeconds)
        => OfInitialMember(peerUrls, unixSeconds.ToString(CultureInfo.InvariantCulture));

    /// <summary>The id of the cluster that these members start. It never changes afterwards.</summary>
    public static ulong OfCluster(IEnumerable<NodeId> initialMembers)
    {
        var bytes = new ArrayBufferWriter<byte>();
        foreach (var member in initialMembers.Order())
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes.GetSpan(sizeof(ulong)), member.Value);
            bytes.Advance(sizeof(ulong));
        }

        return FirstBytes(bytes.WrittenSpan);
    }

    private static string Joined(IEnumerable<string> peerUrls) => string.Concat(peerUrls.Order(ByteOrder.Instance));

#pragma warning disable CA5350 // Not for security, see the type.
    private static ulong FirstBytes(ReadOnlySpan<byte> content)
        => BinaryPrimitives.ReadUInt64BigEndian(SHA1.HashData(content));
#pragma warning restore CA5350
}
