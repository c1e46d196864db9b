using System.Globalization;
using System.Text;

namespace RaftKv.Load;

/// <summary>Puts of random keys out of a space, as etcd's own tool does them.</summary>
internal sealed class Puts(int keys, int valueBytes) : IWorkload
{
    private readonly byte[] _value = Fill(valueBytes);

    public IReadOnlyList<string> Paths => ["/etcdserverpb.KV/Put"];

    public int Next(int client, Random random, RequestBuffer request)
    {
        Span<byte> key = stackalloc byte[Keys.Length];
        Keys.Write(key, random.Next(keys));
        request.AddField(1, key);
        request.AddField(2, _value);
        return 0;
    }

    public bool Answered(int client, ReadOnlySpan<byte> response) => true;

    public static byte[] Fill(int bytes)
    {
        var value = new byte[bytes];
        new Random(1).NextBytes(value);
        return value;
    }
}

/// <summary>Reads of one key each.</summary>
internal sealed class Gets(int keys, bool isSerializable) : IWorkload
{
    public IReadOnlyList<string> Paths => ["/etcdserverpb.KV/Range"];

    public int Next(int client, Random random, RequestBuffer request)
    {
        Span<byte> key = stackalloc byte[Keys.Length];
        Keys.Write(key, random.Next(keys));
        request.AddField(1, key);
        if (isSerializable)
        {
            request.AddField(7, 1);
        }

        return 0;
    }

    public bool Answered(int client, ReadOnlySpan<byte> response) => true;
}

/// <summary>Read a key, then put it if it has not changed; begun again when it has.</summary>
internal sealed class Transactions(int keys, int valueBytes, int clients) : IWorkload
{
    private readonly byte[] _value = Puts.Fill(valueBytes);
    private readonly State[] _states = [.. Enumerable.Range(0, clients).Select(_ => new State())];

    public IReadOnlyList<string> Paths => ["/etcdserverpb.KV/Range", "/etcdserverpb.KV/Txn"];

    public int Next(int client, Random random, RequestBuffer request)
    {
        var state = _states[client];
        if (!state.HasRead)
        {
            state.KeyNumber = random.Next(keys);
        }

        Span<byte> key = stackalloc byte[Keys.Length];
        Keys.Write(key, state.KeyNumber);
        if (!state.HasRead)
        {
            request.AddField(1, key);
            return 0;
        }

        // compare { result EQUAL, target MOD, key, mod_revision } success { request_put { key, value } }
        var compare = state.Scratch;
        compare.Clear();
        compare.AddField(2, 2);
        compare.AddField(3, key);
        compare.AddField(6, (ulong)state.ModRevision);
        request.AddField(1, compare.Written);
        var put = state.Scratch;
        put.Clear();
        put.AddField(1, key);
        put.AddField(2, _value);
        var operation = state.Outer;
        operation.Clear();
        operation.AddField(2, put.Written);
        request.AddField(2, operation.Written);
        return 1;
    }

    public bool Answered(int client, ReadOnlySpan<byte> response)
    {
        var state = _states[client];
        if (!state.HasRead)
        {
            var found = Protocol.Etcd.RangeResponse.Parser.ParseFrom(response);
            state.ModRevision = found.Kvs is [var only] ? only.ModRevision : 0;
            state.HasRead = true;
            return false;
        }

        state.HasRead = false;
        return Protocol.Etcd.TxnResponse.Parser.ParseFrom(response).Succeeded;
    }

    private sealed class State
    {
        public bool HasRead { get; set; }

        public int KeyNumber { get; set; }

        public long ModRevision { get; set; }

        public RequestBuffer Scratch { get; } = new(512);

        public RequestBuffer Outer { get; } = new(512);
    }
}

/// <summary>Keys of 64 bytes.</summary>
internal static class Keys
{
    public const int Length = 64;

    private static readonly byte[] Pattern = Encoding.ASCII.GetBytes(new string('k', Length));

    public static void Write(Span<byte> key, int number)
    {
        Pattern.CopyTo(key);
        number.TryFormat(key[^10..], out _, "D10", CultureInfo.InvariantCulture);
    }
}
