namespace RaftKv.Rpc.Server.Http2.Hpack;

/// <summary>One header as it was read.</summary>
/// <param name="Name">As it came.</param>
/// <param name="Value">Read as the name wants it; empty if it cannot be read.</param>
/// <param name="Bytes">What it counts for in the tables: both, and 32.</param>
/// <param name="IsFit">Whether a request may have it: a name in lower case, a value without line ends that is text.</param>
internal sealed record HeaderField(string Name, string Value, int Bytes, bool IsFit)
{
    public const int Overhead = 32;
}
