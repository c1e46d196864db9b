using System.Text;

namespace RaftKv.Rpc.Server.Http2.Hpack;

/// <summary>Names that clients write out, so that reading one makes no string.</summary>
internal static class KnownNames
{
    private static readonly string[] Names =
    [
        "te", "grpc-timeout", "grpc-encoding", "grpc-accept-encoding", "content-type", "user-agent", "token", "authorization",
        "content-length", "accept", "accept-encoding",
    ];

    public static string? Find(ReadOnlySpan<byte> name)
    {
        foreach (var known in Names)
        {
            if (known.Length == name.Length && Ascii.Equals(name, known))
            {
                return known;
            }
        }

        return null;
    }
}
