using BenchmarkDotNet.Attributes;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;
using RaftKv.Server.Peers;

namespace RaftKv.Benchmarks.Peers;

/// <summary>What it costs to draw messages to a peer as bytes, and to read them: a batch of 64 entries of 256 bytes in one
/// append, and its acknowledgement.</summary>
[MemoryDiagnoser]
public class MessageCodecBenchmarks
{
    private const int Entries = 64;
    private const int PayloadBytes = 256;

    private static readonly NodeId One = new(1);
    private static readonly NodeId Two = new(2);

    private readonly MessageBatchWriter _writer = new();
    private readonly List<Message> _read = [];
    private Message _append;
    private Message _acknowledgement;
    private byte[] _appendBody = [];
    private byte[] _acknowledgementBody = [];

    [GlobalSetup]
    public void Start()
    {
        var entries = new Entry[Entries];
        for (var i = 0; i < Entries; i++)
        {
            entries[i] = new Entry(1, (ulong)i + 2, EntryKind.Command, new byte[PayloadBytes]);
        }

        _append = new Message { Kind = MessageKind.Append, From = One, To = Two, Term = 1, Position = new LogPosition(1, 1), Entries = entries };
        _acknowledgement = new Message { Kind = MessageKind.AppendResponse, From = Two, To = One, Term = 1, Position = new LogPosition(1, Entries + 1) };
        _appendBody = Body(_append);
        _acknowledgementBody = Body(_acknowledgement);
    }

    [Benchmark]
    [Allocates(0)]
    public int Write_an_append() => Write(_append);

    [Benchmark]
    [Allocates(0)]
    public int Write_an_acknowledgement() => Write(_acknowledgement);

    /// <summary>The array of the entries; their payloads are slices of the frame.</summary>
    [Benchmark]
    [Allocates((Entries * 40) + 24)]
    public int Read_an_append() => Read(_appendBody, One, Two);

    [Benchmark]
    [Allocates(0)]
    public int Read_an_acknowledgement() => Read(_acknowledgementBody, Two, One);

    private byte[] Body(Message message)
    {
        _writer.Add(message);
        var body = _writer.Finish()[PeerFrame.HeaderBytes..].ToArray();
        _writer.Clear();
        return body;
    }

    private int Write(Message message)
    {
        _writer.Add(message);
        var length = _writer.Finish().Length;
        _writer.Clear();
        return length;
    }

    private int Read(byte[] body, NodeId from, NodeId to)
    {
        _read.Clear();
        MessageCodec.Read(body, from, to, _read);
        return _read.Count;
    }
}
