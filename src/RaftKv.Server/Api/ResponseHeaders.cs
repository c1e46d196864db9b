using System.Buffers;
using RaftKv.Protocol.Etcd;
using RaftKv.Server.Replica;

namespace RaftKv.Server.Api;

/// <summary>The header of every response: who answers, and where the store stands.</summary>
internal static class ResponseHeaders
{
    private const byte ResponseTag = 1 << 3 | 2;
    private const byte ClusterTag = 1 << 3;
    private const byte MemberTag = 2 << 3;
    private const byte RevisionTag = 3 << 3;
    private const byte TermTag = 4 << 3;

    // A tag and a number of at most ten bytes, four times: its length always fits into one byte.
    private const int MaxBytes = 4 * 11;

    /// <summary>Writes a header as field 1 of a response, where it is in all of them.</summary>
    public static void Write(IBufferWriter<byte> response, IMember member, long revision)
    {
        var span = response.GetSpan(2 + MaxBytes);
        var at = 2;
        at += Number(span[at..], ClusterTag, member.ClusterId);
        at += Number(span[at..], MemberTag, member.Self.Value);
        at += Number(span[at..], RevisionTag, (ulong)revision);
        at += Number(span[at..], TermTag, member.Status.Term);
        span[0] = ResponseTag;
        span[1] = (byte)(at - 2);
        response.Advance(at);
    }

    /// <summary>For responses that are made as objects.</summary>
    public static ResponseHeader Of(IMember member, long revision)
        => new()
        {
            ClusterId = member.ClusterId,
            MemberId = member.Self.Value,
            Revision = revision,
            RaftTerm = member.Status.Term,
        };

    /// <summary>With the revision of this moment.</summary>
    public static ResponseHeader Of(IMember member) => Of(member, CurrentRevision(member));

    public static long CurrentRevision(IMember member)
    {
        using var view = member.OpenView();
        return view.Revision;
    }

    private static int Number(Span<byte> to, byte tag, ulong value)
    {
        if (value == 0)
        {
            return 0;
        }

        to[0] = tag;
        var at = 1;
        for (; value >= 0x80; value >>= 7)
        {
            to[at++] = (byte)(value | 0x80);
        }

        to[at++] = (byte)value;
        return at;
    }
}
