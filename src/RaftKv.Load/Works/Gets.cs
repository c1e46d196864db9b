namespace RaftKv.Load.Works;

/// <summary>Reads of one random key each.</summary>
public sealed class Gets(LoadKeys keys, bool isSerializable) : IWorkload
{
    public IReadOnlyList<string> Paths => ["/etcdserverpb.KV/Range"];

    public int Next(int client, Random random, RequestBuffer request)
    {
        keys.AddField(request, 1, random.Next(keys.Count));
        if (isSerializable)
        {
            request.AddField(7, 1);
        }

        return 0;
    }
}
