using System.Buffers;
using Google.Protobuf;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Tests.State;

/// <summary>Requests that come again.</summary>
public sealed class RequestWindowTests
{
    [Fact]
    public void A_request_that_comes_again_is_answered_again_and_changes_nothing()
    {
        using var member = new Lone();
        var first = member.Put("k", "1", new ClientRequest(7, 1, 0));
        var other = member.Put("k", "2", new ClientRequest(7, 2, first.Revision));
        var again = member.Put("k", "1", new ClientRequest(7, 1, 0));
        Assert.Equal((StateError.None, first.Revision), (again.Error, again.Revision));
        Assert.Equal(first.Body.ToArray(), again.Body.ToArray());
        Assert.Equal(other.Revision, member.State.Keys.Revision);

        // Of another client, it is another request.
        Assert.Equal(other.Revision + 1, member.Put("k", "1", new ClientRequest(8, 1, 0)).Revision);
    }

    [Fact]
    public void What_changed_nothing_is_not_remembered()
    {
        using var member = new Lone();
        var refused = member.Put("k", "1", new ClientRequest(7, 1, 0), lease: 99);
        Assert.Equal(StateError.LeaseNotFound, refused.Error);
        Assert.True(member.State.Requests.IsEmpty);
        Assert.Equal(StateError.None, member.Put("k", "1", new ClientRequest(7, 1, 0)).Error);
        Assert.Equal(1, member.State.Requests.Count);
    }

    [Fact]
    public void A_state_that_was_handed_on_recognises_what_the_first_had_seen()
    {
        using var member = new Lone();
        var first = member.Put("k", "1", new ClientRequest(7, 1, 0));
        var tables = new ArrayBufferWriter<byte>();
        member.State.WriteTables(tables);
        using var copy = StateMachine.Open(tables.WrittenSpan, _ => new KeySpace(Lone.NewRecords()));
        Assert.True(copy.Requests.TryFind(new ClientRequest(7, 1, 0), out var revision, out var body));
        Assert.Equal(first.Revision, revision);
        Assert.Equal(first.Body.ToArray(), body);
    }

    [Fact]
    public void A_state_without_named_requests_is_written_as_before_there_were_any()
    {
        using var member = new Lone();
        member.Put("k", "1", default);
        var tables = new ArrayBufferWriter<byte>();
        member.State.WriteTables(tables);
        Assert.Equal(1, tables.WrittenSpan[0]);
        member.Put("k", "1", new ClientRequest(7, 1, 0));
        tables.Clear();
        member.State.WriteTables(tables);
        Assert.Equal(2, tables.WrittenSpan[0]);
    }

    [Fact]
    public void A_request_that_may_be_forgotten_is_refused()
    {
        var window = new RequestWindow();
        for (var i = 1; i <= RequestWindow.MaxRequests + 3; i++)
        {
            window.Add(new ClientRequest(7, (ulong)i, 0), revision: i, [1]);
        }

        Assert.Equal(RequestWindow.MaxRequests, window.Count);
        Assert.False(window.TryFind(new ClientRequest(7, 3, 0), out _, out _));
        Assert.True(window.TryFind(new ClientRequest(7, 4, 0), out _, out _));

        // The last one forgotten was applied at revision 3, so it was born below that.
        Assert.True(window.MayBeForgotten(new ClientRequest(7, 3, 2)));
        Assert.False(window.MayBeForgotten(new ClientRequest(7, 99_999, 3)));
    }

    [Fact]
    public void Answers_take_a_bounded_amount_of_room()
    {
        var window = new RequestWindow();
        for (var i = 1; i <= 10; i++)
        {
            window.Add(new ClientRequest(7, (ulong)i, 0), revision: i, new byte[1024 * 1024]);
        }

        Assert.Equal(4, window.Count);
        window.Add(new ClientRequest(7, 11, 0), revision: 11, new byte[RequestWindow.MaxAnswerBytes + 1]);
        Assert.Equal(1, window.Count);
    }

    [Fact]
    public void The_bytes_of_a_window_never_change()
    {
        var window = new RequestWindow();
        window.Add(new ClientRequest(0x0102030405060708, 300, 5), revision: 6, [1, 2]);
        var bytes = new ArrayBufferWriter<byte>();
        window.WriteTo(bytes);
        Assert.Equal("01" + "00" + "01" + "0807060504030201" + "ac02" + "06" + "020102", Convert.ToHexStringLower(bytes.WrittenSpan));
        var again = new ArrayBufferWriter<byte>();
        RequestWindow.ReadFrom(bytes.WrittenSpan).WriteTo(again);
        Assert.Equal(bytes.WrittenSpan.ToArray(), again.WrittenSpan.ToArray());
        Assert.Throws<StateFormatException>(() => RequestWindow.ReadFrom([2, 0, 0]));
    }

    [Fact]
    public void The_bytes_of_an_envelope_never_change()
    {
        var request = new ClientRequest(0x0102030405060708, 300, 5);
        var named = CommandEnvelope.Encode(9, Caller.Nobody, CommandKind.Put, [0xaa], request);
        Assert.Equal("02" + "0900000000000000" + "0807060504030201" + "ac02" + "05" + "01aa", Convert.ToHexStringLower(named.Span));
        Assert.Equal(request, CommandEnvelope.Decode(named).ClientRequest);
        var both = CommandEnvelope.Encode(9, new Caller("anna", 3), CommandKind.Put, [0xaa], request);
        Assert.Equal(
            "03" + "0900000000000000" + "04616e6e6106" + "0807060504030201" + "ac02" + "05" + "01aa", Convert.ToHexStringLower(both.Span));
        var decoded = CommandEnvelope.Decode(both);
        Assert.Equal((request, new Caller("anna", 3)), (decoded.ClientRequest, decoded.Caller));
        Assert.True(CommandEnvelope.Decode(CommandEnvelope.Encode(9, Caller.Nobody, CommandKind.Put, [0xaa])).ClientRequest.IsNone);
    }

    [Theory]
    [InlineData("1-2-3", true)]
    [InlineData("ffffffffffffffff-0-7fffffffffffffff", true)]
    [InlineData("0-2-3", false)]
    [InlineData("1-2", false)]
    [InlineData("1-2-ffffffffffffffff", false)]
    [InlineData("x-2-3", false)]
    [InlineData("", false)]
    public void A_name_is_three_numbers(string text, bool isOne)
        => Assert.Equal(isOne, ClientRequest.TryParse(text, out _));

    /// <summary>A state that applies what it is given, and keeps the answer.</summary>
    private sealed class Lone : IAnswerSink, IDisposable
    {
        private Answer? _answer;

        public StateMachine State { get; } = new(new KeySpace(NewRecords()));

        public static LogRecordStore NewRecords()
        {
            var disk = new SimulatedFileSystem(new Chance(1).Stream("disk"));
            disk.CreateDirectory("/records");
            return LogRecordStore.Create(disk, "/records", identity: 7);
        }

        public Answer Put(string key, string value, ClientRequest request, long lease = 0)
        {
            var put = new Protocol.Etcd.PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFromUtf8(value), Lease = lease };
            var payload = CommandEnvelope.Encode(1, Caller.Nobody, CommandKind.Put, put.ToByteArray(), request);
            State.Apply(new Entry(1, State.Applied.Index + 1, EntryKind.Command, payload), this);
            return _answer!.Value;
        }

        public bool IsAwaited(ulong requestId) => true;

        public void Complete(ulong requestId, in Answer answer) => _answer = answer;

        public void Dispose() => State.Dispose();
    }
}
