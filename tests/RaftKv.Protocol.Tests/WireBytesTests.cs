using Google.Protobuf;
using Grpc.Health.V1;
using RaftKv.Protocol.Auth;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Lock;
using Mvccpb = RaftKv.Protocol.Mvcc;

namespace RaftKv.Protocol.Tests;

/// <summary>Messages as the bytes another program sends. The bytes were worked out by hand from the rules of the
/// wire: a field opens with (number &lt;&lt; 3 | kind), kind 0 a varint, kind 2 a length and that many bytes; a varint
/// holds seven bits a byte, the lowest first. Spaces part the fields.</summary>
public sealed class WireBytesTests
{
    [Fact]
    public void A_put_with_every_field()
        => Matches(
            // key "foo", value "bar", lease 0x1234 = 36 * 128 + 52, then the three flags.
            "0a 03 666f6f  12 03 626172  18 b424  20 01  28 01  30 01",
            new PutRequest
            {
                Key = Utf8("foo"),
                Value = Utf8("bar"),
                Lease = 0x1234,
                PrevKv = true,
                IgnoreValue = true,
                IgnoreLease = true,
            });

    [Fact]
    public void A_range_with_every_field()
        => Matches(
            // Revision -1 takes ten bytes: a negative int64 is sign-extended, not zigzagged.
            "0a 01 61  12 01 00  18 0a  20 ffffffffffffffffff01  28 02  30 03  38 01  40 01  48 01 " +
            "50 04  58 05  60 06  68 07",
            new RangeRequest
            {
                Key = Utf8("a"),
                RangeEnd = Utf8("\0"),
                Limit = 10,
                Revision = -1,
                SortOrder = RangeRequest.Types.SortOrder.Descend,
                SortTarget = RangeRequest.Types.SortTarget.Mod,
                Serializable = true,
                KeysOnly = true,
                CountOnly = true,
                MinModRevision = 4,
                MaxModRevision = 5,
                MinCreateRevision = 6,
                MaxCreateRevision = 7,
            });

    [Fact]
    public void A_comparison_over_a_range()
        => Matches(
            // 64 << 3 | 2 = 514 = 4 * 128 + 2: the one field whose opening takes two bytes.
            "08 03  10 04  1a 01 6b  40 07  8204 01 00",
            new Compare
            {
                Result = Compare.Types.CompareResult.NotEqual,
                Target = Compare.Types.CompareTarget.Lease,
                Key = Utf8("k"),
                Lease = 7,
                RangeEnd = Utf8("\0"),
            });

    [Fact]
    public void A_zero_in_a_oneof_is_sent()
        => Matches(
            // version 0 says "compared with 0"; left out, it would say "compared with nothing".
            "1a 01 6b  20 00",
            new Compare { Key = Utf8("k"), Version = 0 });

    [Fact]
    public void A_transaction_in_a_transaction()
        => Matches(
            "0a 07  10 01 1a 01 61 28 00 " +                      // if create_revision of "a" is 0
            "12 08  12 06  0a 01 61 12 01 62 " +                  // then put "a" = "b"
            "1a 09  22 07  12 05  0a 03  0a 01 61 " +             // else: a transaction that reads "a",
            "1a 0a  1a 08  0a 01 61 12 01 00 18 01",              //       and all keys from "a" on are deleted
            new TxnRequest
            {
                Compare =
                {
                    new Compare
                    {
                        Target = Compare.Types.CompareTarget.Create,
                        Key = Utf8("a"),
                        CreateRevision = 0,
                    },
                },
                Success = { new RequestOp { RequestPut = new PutRequest { Key = Utf8("a"), Value = Utf8("b") } } },
                Failure =
                {
                    new RequestOp
                    {
                        RequestTxn = new TxnRequest
                        {
                            Success = { new RequestOp { RequestRange = new RangeRequest { Key = Utf8("a") } } },
                        },
                    },
                    new RequestOp
                    {
                        RequestDeleteRange = new DeleteRangeRequest
                        {
                            Key = Utf8("a"),
                            RangeEnd = Utf8("\0"),
                            PrevKv = true,
                        },
                    },
                },
            });

    [Fact]
    public void The_answer_to_a_transaction()
        => Matches(
            "0a 02  18 05 " +                                     // header: revision 5
            "10 01 " +                                            // succeeded
            "1a 02  12 00 " +                                     // a put: an empty message, and yet sent
            "1a 06  0a 04  18 01 20 03",                          // a range: more, count 3
            new TxnResponse
            {
                Header = new ResponseHeader { Revision = 5 },
                Succeeded = true,
                Responses =
                {
                    new ResponseOp { ResponsePut = new PutResponse() },
                    new ResponseOp { ResponseRange = new RangeResponse { More = true, Count = 3 } },
                },
            });

    [Fact]
    public void A_watch_is_created()
        => Matches(
            // Two filters, packed into one field of two bytes.
            "0a 14  0a 01 61  12 01 62  18 05  20 01  2a 02 00 01  30 01  38 03  40 01",
            new WatchRequest
            {
                CreateRequest = new WatchCreateRequest
                {
                    Key = Utf8("a"),
                    RangeEnd = Utf8("b"),
                    StartRevision = 5,
                    ProgressNotify = true,
                    Filters =
                    {
                        WatchCreateRequest.Types.FilterType.Noput,
                        WatchCreateRequest.Types.FilterType.Nodelete,
                    },
                    PrevKv = true,
                    WatchId = 3,
                    Fragment = true,
                },
            });

    [Fact]
    public void Filters_are_also_read_unpacked()
        => Assert.Equal(
            [WatchCreateRequest.Types.FilterType.Noput, WatchCreateRequest.Types.FilterType.Nodelete],
            WatchCreateRequest.Parser.ParseFrom(Bytes("28 00  28 01")).Filters);

    [Fact]
    public void A_question_for_progress()
        => Matches("1a 00", new WatchRequest { ProgressRequest = new WatchProgressRequest() });

    [Fact]
    public void A_watch_answers()
        => Matches(
            "0a 12  08 ffffffffffffffffff01  10 01  18 ac02  20 02 " + // header: the largest cluster id; revision 300
            "10 ffffffffffffffffff01 " +                          // watch_id -1
            "18 01  20 01  28 05  32 01 78  38 01 " +
            "5a 05  12 03  0a 01 6b " +                           // events are field 11; PUT is 0 and not sent
            "5a 19  08 01  12 05  0a 01 6b 18 09 " +              // DELETE of "k" at 9, and what was there
            "1a 0e  0a 01 6b 10 07 18 08 20 02 2a 01 76 30 01",
            new WatchResponse
            {
                Header = new ResponseHeader { ClusterId = ulong.MaxValue, MemberId = 1, Revision = 300, RaftTerm = 2 },
                WatchId = -1,
                Created = true,
                Canceled = true,
                CompactRevision = 5,
                CancelReason = "x",
                Fragment = true,
                Events =
                {
                    new Mvccpb.Event { Kv = new Mvccpb.KeyValue { Key = Utf8("k") } },
                    new Mvccpb.Event
                    {
                        Type = Mvccpb.Event.Types.EventType.Delete,
                        Kv = new Mvccpb.KeyValue { Key = Utf8("k"), ModRevision = 9 },
                        PrevKv = new Mvccpb.KeyValue
                        {
                            Key = Utf8("k"),
                            CreateRevision = 7,
                            ModRevision = 8,
                            Version = 2,
                            Value = Utf8("v"),
                            Lease = 1,
                        },
                    },
                },
            });

    [Fact]
    public void A_lease_that_is_gone()
        => Matches(
            // The empty key in the list is an element like any other.
            "10 01  18 ffffffffffffffffff01  20 3c  2a 00  2a 01 61",
            new LeaseTimeToLiveResponse { ID = 1, TTL = -1, GrantedTTL = 60, Keys = { ByteString.Empty, Utf8("a") } });

    [Fact]
    public void A_grant_asks_for_its_time_first_and_its_name_second()
        => Matches("08 3c  10 07", new LeaseGrantRequest { TTL = 60, ID = 7 });

    [Fact]
    public void A_member()
        => Matches(
            "08 01  12 01 6e  1a 01 70  1a 01 71  22 01 63  28 01",
            new Member { ID = 1, Name = "n", PeerURLs = { "p", "q" }, ClientURLs = { "c" }, IsLearner = true });

    [Fact]
    public void The_status_of_a_member()
        => Matches(
            "12 05 332e362e30  18 01  20 02  28 03  30 04  38 05  42 01 65  48 06  50 01 " +
            "5a 05 332e362e30  60 8080808008  6a 07 08 01 12 03 332e35",  // quota 2 GiB = 8 * 128^4
            new StatusResponse
            {
                Version = "3.6.0",
                DbSize = 1,
                Leader = 2,
                RaftIndex = 3,
                RaftTerm = 4,
                RaftAppliedIndex = 5,
                Errors = { "e" },
                DbSizeInUse = 6,
                IsLearner = true,
                StorageVersion = "3.6.0",
                DbSizeQuota = 2L * 1024 * 1024 * 1024,
                DowngradeInfo = new DowngradeInfo { Enabled = true, TargetVersion = "3.5" },
            });

    [Fact]
    public void A_hash()
        => Matches(
            "10 ffffffff0f  18 ffffffffffffffffff01  20 09",
            new HashKVResponse { Hash = uint.MaxValue, CompactRevision = -1, HashRevision = 9 });

    [Fact]
    public void A_permission_for_a_role()
        => Matches(
            "0a 01 72  12 08  08 02  12 01 61  1a 01 00",
            new AuthRoleGrantPermissionRequest
            {
                Name = "r",
                Perm = new Permission
                {
                    PermType = Permission.Types.Type.Readwrite,
                    Key = Utf8("a"),
                    RangeEnd = Utf8("\0"),
                },
            });

    [Fact]
    public void A_piece_of_a_range()
        => Matches(
            "0a 05  12 03  0a 01 6b",
            new RangeStreamResponse
            {
                RangeResponse = new RangeResponse { Kvs = { new Mvccpb.KeyValue { Key = Utf8("k") } } },
            });

    [Fact]
    public void A_lock() => Matches("0a 01 6c  10 05", new LockRequest { Name = Utf8("l"), Lease = 5 });

    [Fact]
    public void Health()
        => Matches(
            "08 01",
            new HealthCheckResponse { Status = HealthCheckResponse.Types.ServingStatus.Serving });

    [Fact]
    public void A_field_from_a_later_version_is_kept()
    {
        // Field 100 is 100 << 3 | 0 = 800 = 6 * 128 + 32.
        var bytes = Bytes("0a 01 61  a006 01");

        Assert.Equal(bytes, PutRequest.Parser.ParseFrom(bytes).ToByteArray());
    }

    private static void Matches<T>(string hex, T message)
        where T : IMessage<T>, new()
    {
        var bytes = Bytes(hex);

        Assert.Equal(Convert.ToHexStringLower(bytes), Convert.ToHexStringLower(message.ToByteArray()));
        Assert.Equal(message, new MessageParser<T>(() => new T()).ParseFrom(bytes));
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

    private static ByteString Utf8(string text) => ByteString.CopyFromUtf8(text);
}
