using System.Buffers.Binary;
using System.Diagnostics;

namespace RaftKv.Load.Watching;

/// <summary>Puts of one key whose values begin with the time of the put, so that watchers in this process can tell how late they hear of it.</summary>
public sealed class StampedValue(ReadOnlyMemory<byte> key, int valueBytes) : IWorkload
{
    private const int Stamp = sizeof(long);
    private readonly byte[] _rest = Works.Puts.Fill(Math.Max(0, valueBytes - Stamp));

    public IReadOnlyList<string> Paths => ["/etcdserverpb.KV/Put"];

    public int Next(int client, Random random, RequestBuffer request)
    {
        Span<byte> stamp = stackalloc byte[Stamp];
        BinaryPrimitives.WriteInt64BigEndian(stamp, Stopwatch.GetTimestamp());
        request.AddField(1, key.Span);
        request.AddByte((2 << 3) | 2);
        request.AddVarint((ulong)(Stamp + _rest.Length));
        request.Add(stamp);
        request.Add(_rest);
        return 0;
    }

    /// <summary>When the value of an event was put; null where there is none.</summary>
    internal static long? TimeOf(ReadOnlySpan<byte> watchEvent)
    {
        var fields = new FieldReader(watchEvent);
        if (!fields.Find(2))
        {
            return null;
        }

        var keyValue = new FieldReader(fields.Bytes);
        return keyValue.Find(5) && keyValue.Bytes.Length >= Stamp ? BinaryPrimitives.ReadInt64BigEndian(keyValue.Bytes) : null;
    }
}
