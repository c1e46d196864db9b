using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace RaftKv.Storage.State;

/// <summary>
/// The newest named requests that have changed something, with what was answered: one of them that comes again is answered
/// again and changes nothing.
/// </summary>
/// <remarks>
/// <para>What changed nothing is not remembered: done again, it is as if it had been done for the first time then.</para>
/// <para>The oldest are forgotten when there are too many. A request that was known to its client at a revision below that
/// of the last one forgotten may be one of those, so it is refused: the client must know better. Any other one has not
/// been applied, because a request is applied at a revision above the one it was born at.</para>
/// <para>Part of every checkpoint and snapshot, and equal on every member. Changed by one thread.</para>
/// </remarks>
public sealed class RequestWindow
{
    /// <summary>How many are remembered at most.</summary>
    public const int MaxRequests = 16_384;

    /// <summary>How many bytes of answers are kept at most, unless a single one is larger.</summary>
    public const int MaxAnswerBytes = 4 * 1024 * 1024;

    private const byte Version = 1;
    private const int MinRequestBytes = sizeof(ulong) + 3;

    private readonly Dictionary<(ulong Client, ulong Sequence), (long Revision, byte[] Body)> _answers = [];
    private readonly Queue<(ulong Client, ulong Sequence)> _order = [];
    private long _answerBytes;
    private long _forgottenUpTo;

    public int Count => _order.Count;

    /// <summary>Whether there is anything to be kept.</summary>
    public bool IsEmpty => _order.Count == 0 && _forgottenUpTo == 0;

    /// <summary>Finds what a request that comes again was answered.</summary>
    public bool TryFind(in ClientRequest request, out long revision, [NotNullWhen(true)] out byte[]? body)
    {
        var isThere = _answers.TryGetValue((request.Client, request.Sequence), out var answer);
        (revision, body) = answer;
        return isThere;
    }

    /// <summary>Whether a request that is not remembered may have been once.</summary>
    public bool MayBeForgotten(in ClientRequest request) => request.BornAt < _forgottenUpTo;

    /// <summary>Remembers a request that has changed something.</summary>
    /// <param name="request">Not remembered yet.</param>
    /// <param name="revision">That of the change.</param>
    /// <param name="body">The answer. Kept.</param>
    public void Add(in ClientRequest request, long revision, byte[] body)
    {
        Enqueue((request.Client, request.Sequence), revision, body);
        while (_order.Count > MaxRequests || (_answerBytes > MaxAnswerBytes && _order.Count > 1))
        {
            _answers.Remove(_order.Dequeue(), out var oldest);
            _answerBytes -= oldest.Body.Length;
            _forgottenUpTo = oldest.Revision;
        }
    }

    /// <summary>Nobody knows any more what was done up to a revision, beyond what is remembered here. For a state that is
    /// taken up again without what happened last.</summary>
    public void ForgetUpTo(long revision) => _forgottenUpTo = Math.Max(_forgottenUpTo, revision);

    public void WriteTo(IBufferWriter<byte> to)
    {
        var writer = new StateWriter(to);
        writer.Byte(Version);
        writer.Number((ulong)_forgottenUpTo);
        writer.Count(_order.Count);
        foreach (var key in _order)
        {
            var (revision, body) = _answers[key];
            writer.Id(key.Client);
            writer.Number(key.Sequence);
            writer.Number((ulong)revision);
            writer.Bytes(body);
        }
    }

    /// <exception cref="StateFormatException">These bytes are no window.</exception>
    public static RequestWindow ReadFrom(ReadOnlySpan<byte> bytes)
    {
        var reader = new StateReader(bytes, "requests");
        reader.Version(Version);
        var window = new RequestWindow { _forgottenUpTo = (long)reader.Number() };
        var count = reader.Count(MinRequestBytes);
        for (var i = 0; i < count; i++)
        {
            var key = (reader.Id(), reader.Number());
            var revision = (long)reader.Number();
            if (window._answers.ContainsKey(key))
            {
                reader.Fail("a request is there twice.");
            }

            window.Enqueue(key, revision, reader.Bytes().ToArray());
        }

        reader.End();
        return window;
    }

    private void Enqueue((ulong Client, ulong Sequence) key, long revision, byte[] body)
    {
        _answers.Add(key, (revision, body));
        _order.Enqueue(key);
        _answerBytes += body.Length;
    }
}
