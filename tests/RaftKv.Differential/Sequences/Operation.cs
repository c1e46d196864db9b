using System.Globalization;
using Google.Protobuf;
using RaftKv.Differential.Text;
using RaftKv.Protocol.Etcd;
using RaftKv.Stores;

namespace RaftKv.Differential.Sequences;

/// <summary>
/// One thing a client does: a verb and its request. Messages on a watch stream are operations too, and name their
/// stream: <c>watch.1 create_request={key="a"}</c>.
/// </summary>
/// <param name="Verb">One of <see cref="StoreMethods"/>, or "watch", or "keepalive".</param>
/// <param name="Stream">Which of the watch streams; 0 elsewhere.</param>
public sealed record Operation(string Verb, int Stream, IMessage Request)
{
    public const string WatchVerb = "watch";
    public const string KeepAliveVerb = "keepalive";

    public static Operation Unary(string verb, IMessage request) => new(verb, 0, request);

    public static Operation Watch(int stream, WatchRequest request) => new(WatchVerb, stream, request);

    public static Operation KeepAlive(LeaseKeepAliveRequest request) => new(KeepAliveVerb, 0, request);

    /// <exception cref="FormatException">The line is no operation.</exception>
    public static Operation Parse(string line)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        var (head, rest) = space < 0 ? (line, "") : (line[..space], line[space..]);
        var dot = head.IndexOf('.', StringComparison.Ordinal);
        var (verb, stream) = dot < 0 ? (head, 0) : (head[..dot], int.Parse(head.AsSpan(dot + 1), CultureInfo.InvariantCulture));
        var type = verb switch
        {
            WatchVerb => WatchRequest.Descriptor,
            KeepAliveVerb => LeaseKeepAliveRequest.Descriptor,
            _ => StoreMethods.Of(verb).Request,
        };
        return new(verb, stream, MessageText.Parse(type, rest));
    }

    public override string ToString()
    {
        var head = Verb == WatchVerb ? string.Create(CultureInfo.InvariantCulture, $"{Verb}.{Stream}") : Verb;
        var request = MessageText.Write(Request);
        return request.Length == 0 ? head : $"{head} {request}";
    }
}
