namespace RaftKv.Load.Works;

/// <summary>Puts of random keys out of a space, or of each key once if the clients are to fill it.</summary>
public sealed class Puts(LoadKeys keys, int valueBytes, bool isFilling = false) : IWorkload
{
    private readonly byte[] _value = Fill(valueBytes);
    private long _next = -1;

    public IReadOnlyList<string> Paths => ["/etcdserverpb.KV/Put"];

    public int Next(int client, Random random, RequestBuffer request)
    {
        keys.AddField(request, 1, isFilling ? keys.Shuffled(Interlocked.Increment(ref _next)) : random.Next(keys.Count));
        request.AddField(2, _value);
        return 0;
    }

    internal static byte[] Fill(int bytes)
    {
        var value = new byte[bytes];
        new Random(1).NextBytes(value);
        return value;
    }
}
