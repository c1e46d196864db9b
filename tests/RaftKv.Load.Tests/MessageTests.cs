using Google.Protobuf;
using RaftKv.Load.Http2;
using RaftKv.Load.Watching;
using RaftKv.Load.Works;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Load.Tests;

/// <summary>What is written and read by hand here is what the generated messages say.</summary>
public sealed class MessageTests
{
    [Fact]
    public void A_put_is_a_PutRequest()
    {
        var put = PutRequest.Parser.ParseFrom(RequestOf(new Puts(new LoadKeys(1, 12), 5)));

        Assert.Equal(("kk0000000000", 5), (put.Key.ToStringUtf8(), put.Value.Length));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_get_is_a_RangeRequest(bool isSerializable)
    {
        var get = RangeRequest.Parser.ParseFrom(RequestOf(new Gets(new LoadKeys(1, 12), isSerializable)));

        Assert.Equal(new RangeRequest { Key = ByteString.CopyFromUtf8("kk0000000000"), Serializable = isSerializable }, get);
    }

    [Fact]
    public void A_transaction_reads_compares_and_puts_and_begins_again_with_the_same_key()
    {
        var work = new Transactions(new LoadKeys(1000, 12), 5, 1);
        var key = RangeRequest.Parser.ParseFrom(RequestOf(work)).Key;
        Assert.False(work.Answered(0, new RangeResponse { Kvs = { new Protocol.Mvcc.KeyValue { Key = key, ModRevision = 77 } } }.ToByteArray()));

        var txn = TxnRequest.Parser.ParseFrom(RequestOf(work));

        var compare = Assert.Single(txn.Compare);
        Assert.Equal((key, 77, Compare.Types.CompareTarget.Mod, Compare.Types.CompareResult.Equal), (compare.Key, compare.ModRevision, compare.Target, compare.Result));
        Assert.Equal((key, 5), (Assert.Single(txn.Success).RequestPut.Key, txn.Success[0].RequestPut.Value.Length));
        Assert.False(work.Answered(0, new TxnResponse { Header = new ResponseHeader { Revision = 9 } }.ToByteArray()));
        Assert.Equal(key, RangeRequest.Parser.ParseFrom(RequestOf(work)).Key);
        Assert.False(work.Answered(0, new RangeResponse().ToByteArray()));
        Assert.Equal(0, Assert.Single(TxnRequest.Parser.ParseFrom(RequestOf(work)).Compare).ModRevision);
        Assert.True(work.Answered(0, new TxnResponse { Succeeded = true }.ToByteArray()));
    }

    [Fact]
    public void Leases_are_granted_and_renewed()
    {
        Assert.Equal(new LeaseGrantRequest { TTL = 60 }, LeaseGrantRequest.Parser.ParseFrom(RequestOf(new LeaseGrants(60))));
        Assert.Equal(new LeaseKeepAliveRequest { ID = 1L << 62 }, LeaseKeepAliveRequest.Parser.ParseFrom(RequestOf(new KeepAlives([1L << 62]))));
    }

    [Fact]
    public void A_watch_response_tells_its_events_and_the_time_in_the_last_of_them()
    {
        var put = PutRequest.Parser.ParseFrom(RequestOf(new StampedValue("k"u8.ToArray(), 20)));
        var response = new WatchResponse { Header = new ResponseHeader { Revision = 3 }, WatchId = 5 };
        response.Events.Add(new Protocol.Mvcc.Event { Kv = new Protocol.Mvcc.KeyValue { Key = put.Key } });
        response.Events.Add(new Protocol.Mvcc.Event { Kv = new Protocol.Mvcc.KeyValue { Key = put.Key, Value = put.Value, ModRevision = 3 } });

        var told = WatchAnswer.Read(response.ToByteArray());

        Assert.Equal((2, false, false), (told.Events, told.IsCreated, told.IsCanceled));
        Assert.Equal(20, put.Value.Length);
        Assert.Equal(System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(put.Value.Span), StampedValue.TimeOf(told.LastEvent));
        Assert.True(WatchAnswer.Read(new WatchResponse { Created = true }.ToByteArray()).IsCreated);
        Assert.True(WatchAnswer.Read(new WatchResponse { Canceled = true }.ToByteArray()).IsCanceled);
    }

    [Fact]
    public void A_field_that_is_longer_than_its_message_is_noticed()
        => Assert.Throws<InvalidDataException>(() => new FieldReader([0x0a, 5, 1]).Read());

    [Fact]
    public void Messages_come_whole_however_they_were_split()
    {
        var sent = Enumerable.Range(0, 40).Select(i => new byte[i * i].Select((_, at) => (byte)(at + i)).ToArray()).ToList();
        var bytes = sent.SelectMany(message => (byte[])[0, 0, 0, (byte)(message.Length >> 8), (byte)message.Length, .. message]).ToArray();
        var random = new Random(5);
        for (var seed = 0; seed < 50; seed++)
        {
            var received = new List<byte[]>();
            var splitter = new MessageSplitter(message => received.Add(message.ToArray()));
            for (var at = 0; at < bytes.Length;)
            {
                var length = Math.Min(bytes.Length - at, random.Next(1, seed < 5 ? 3 : 3000));
                splitter.Add(bytes.AsSpan(at, length));
                at += length;
            }

            Assert.Equal(sent, received);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(1000)]
    [InlineData(1024)]
    [InlineData(7919)]
    public void Filling_puts_each_key_once(int count)
    {
        var keys = new LoadKeys(count);

        Assert.Equal(Enumerable.Range(0, count), Enumerable.Range(0, count).Select(i => keys.Shuffled(i)).Order());
    }

    private static byte[] RequestOf(IWorkload work)
    {
        var request = new RequestBuffer(16);
        work.Next(0, new Random(1), request);
        return request.Written.ToArray();
    }
}
