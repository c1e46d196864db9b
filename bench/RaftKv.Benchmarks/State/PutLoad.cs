using System.Buffers.Text;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Benchmarks.State;

/// <summary>Puts as they stand in the log: keys of 64 bytes, values of 256.</summary>
internal sealed class PutLoad
{
    public const int KeyBytes = 64;
    public const int ValueBytes = 256;

    private readonly byte[] _keys;
    private readonly byte[] _value = new byte[ValueBytes];
    private readonly WireWriter _request = new();

    /// <param name="keyCount">How many different keys.</param>
    /// <param name="isRandom">Random keys have nothing in common and come in no order; others share a prefix and
    /// count up.</param>
    public PutLoad(int keyCount, bool isRandom)
    {
        KeyCount = keyCount;
        var chance = new Chance(1);
        _keys = new byte[(long)keyCount * KeyBytes];
        _keys.AsSpan().Fill((byte)'k');
        for (var i = 0; i < keyCount; i++)
        {
            var key = _keys.AsSpan(i * KeyBytes, KeyBytes);
            if (isRandom)
            {
                chance.Fill(key);
            }
            else
            {
                Utf8Formatter.TryFormat(i, key[^10..], out _, new('D', 10));
            }
        }

        chance.Fill(_value);
    }

    public int KeyCount { get; }

    public ReadOnlyMemory<byte> Key(int number) => _keys.AsMemory(number * KeyBytes, KeyBytes);

    /// <summary>A put of a key, as the request that a client sends.</summary>
    public ReadOnlyMemory<byte> Request(int number)
    {
        _request.Clear();
        _request.Bytes(1, Key(number).Span);
        _request.Bytes(2, _value);
        return _request.Written.ToArray();
    }

    /// <summary>An entry of the log, a put of a key.</summary>
    public Entry Entry(int number, ulong index)
    {
        var payload = CommandEnvelope.Encode(index, Caller.Nobody, CommandKind.Put, Request(number).Span);
        return new Entry(1, index, EntryKind.Command, payload);
    }
}

/// <summary>Waits for every answer, as the member does that was asked.</summary>
internal sealed class CountedAnswers : IAnswerSink
{
    public long Good { get; private set; }

    public bool IsAwaited(ulong requestId) => true;

    public void Complete(ulong requestId, in Answer answer) => Good += answer.Error == StateError.None ? 1 : 0;
}
