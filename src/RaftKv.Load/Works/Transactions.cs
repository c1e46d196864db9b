namespace RaftKv.Load.Works;

/// <summary>Read a key, then put it if it has not changed; begun again when it has. One operation is all of that.</summary>
public sealed class Transactions(LoadKeys keys, int valueBytes, int clients) : IWorkload
{
    private readonly byte[] _value = Puts.Fill(valueBytes);
    private readonly State[] _states = [.. Enumerable.Range(0, clients).Select(_ => new State())];

    public IReadOnlyList<string> Paths => ["/etcdserverpb.KV/Range", "/etcdserverpb.KV/Txn"];

    public int Next(int client, Random random, RequestBuffer request)
    {
        var state = _states[client];
        if (!state.HasRead)
        {
            state.Key = state.IsRepeated ? state.Key : random.Next(keys.Count);
            keys.AddField(request, 1, state.Key);
            return 0;
        }

        // compare { result EQUAL, target MOD, key, mod_revision } success { request_put { key, value } }
        var (part, operation) = (state.Part, state.Operation);
        part.Clear();
        part.AddField(2, 2);
        keys.AddField(part, 3, state.Key);
        part.AddField(6, state.ModRevision);
        request.AddField(1, part.Written);
        part.Clear();
        keys.AddField(part, 1, state.Key);
        part.AddField(2, _value);
        operation.Clear();
        operation.AddField(2, part.Written);
        request.AddField(2, operation.Written);
        return 1;
    }

    public bool Answered(int client, ReadOnlySpan<byte> response)
    {
        var state = _states[client];
        var fields = new FieldReader(response);
        if (!state.HasRead)
        {
            state.ModRevision = fields.Find(2) ? ModRevisionOf(fields.Bytes) : 0;
            state.HasRead = true;
            return false;
        }

        state.HasRead = false;
        var hasSucceeded = fields.Find(2) && fields.Value != 0;
        state.IsRepeated = !hasSucceeded;
        return hasSucceeded;
    }

    private static ulong ModRevisionOf(ReadOnlySpan<byte> keyValue)
    {
        var fields = new FieldReader(keyValue);
        return fields.Find(3) ? fields.Value : 0;
    }

    private sealed class State
    {
        public bool HasRead { get; set; }

        public bool IsRepeated { get; set; }

        public int Key { get; set; }

        public ulong ModRevision { get; set; }

        public RequestBuffer Part { get; } = new(512);

        public RequestBuffer Operation { get; } = new(512);
    }
}
