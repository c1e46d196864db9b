using System.Buffers;
using System.Text;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Watch;

namespace RaftKv.Storage.Tests.Watch;

/// <summary>What clients rely on, one thing at a time.</summary>
public sealed class WatchHubTests : IDisposable, IWatchSignal
{
    private static readonly WatchHeader Header = new(clusterId: 1, memberId: 2, raftTerm: 3);

    private readonly MemoryRecords _records = new();
    private readonly KeySpace _space;
    private int _signals;

    public WatchHubTests() => _space = new KeySpace(_records);

    public void Dispose()
    {
        _space.Dispose();
        _records.Dispose();
    }

    void IWatchSignal.Ready(WatchStream stream) => _signals++;

    [Fact]
    public void Live_events_come_one_response_a_revision_under_that_revision()
    {
        var (hub, stream) = Open();
        stream.Create(Watch("a"));
        Put(hub, "a", "1");
        Put(hub, "a", "2");
        var told = TakeAll(stream);
        Assert.Equal([1, 2, 3], told.Select(response => response.Header.Revision));
        Assert.Equal([true, false, false], told.Select(response => response.Created));
        Assert.Equal([0, 1, 1], told.Select(response => response.Events.Count));
    }

    [Theory]
    [InlineData("")]
    [InlineData("b")]
    public void One_that_has_many_revisions_before_it_is_told_them_together_under_the_last(string end)
    {
        var (hub, stream) = Open();
        stream.Create(Watch("a", end));
        TakeAll(stream);
        for (var i = 0; i < 4; i++)
        {
            Put(hub, "a", "few");
        }

        Assert.Equal([2, 3, 4, 5], TakeAll(stream).Select(response => response.Header.Revision));
        for (var i = 0; i < 10; i++)
        {
            Put(hub, "a", "many");
        }

        Put(hub, "c", "another's");
        var told = Assert.Single(TakeAll(stream));
        Assert.Equal(15, told.Header.Revision);
        Assert.Equal(Enumerable.Range(6, 10).Select(revision => (long)revision), told.Events.Select(one => one.Kv.ModRevision));
        Put(hub, "a", "one");
        Assert.Equal(17, Assert.Single(TakeAll(stream)).Header.Revision);
    }

    [Theory]
    [InlineData("")]
    [InlineData("z")]
    public void What_is_told_together_is_whole_revisions_and_bounded(string end)
    {
        const int Revisions = 40;
        var (hub, stream) = Open(new WatchOptions { StreamBytes = 4000 });
        stream.Create(Watch("a", end) with { PrevKv = true });
        TakeAll(stream);
        for (var i = 0; i < Revisions; i++)
        {
            _space.BeginWrite();
            for (var at = 0; at <= i % 3; at++)
            {
                _space.Put([(byte)('a' + at)], new byte[i == 20 ? 8000 : 300], 0);
            }

            _space.EndWrite();
            Announce(hub);
        }

        var told = TakeAll(stream);
        var events = told.SelectMany(response => response.Events).ToArray();
        Assert.Equal(end == "" ? Revisions : Enumerable.Range(0, Revisions).Sum(i => (i % 3) + 1), events.Length);
        Assert.Equal(events.OrderBy(one => one.Kv.ModRevision), events);
        Assert.All(events.Skip(6), one => Assert.NotNull(one.PrevKv));
        Assert.InRange(told.Count, 4, Revisions / 2);
        Assert.Equal(told.Count, told.Select(response => response.Events[^1].Kv.ModRevision).Distinct().Count());
        Assert.All(told, response =>
        {
            Assert.Equal(response.Events[^1].Kv.ModRevision, response.Header.Revision);
            Assert.True(
                response.Events.Sum(one => one.Kv.CalculateSize()) < 4000 || response.Events[0].Kv.ModRevision == response.Header.Revision);
        });
    }

    [Fact]
    public void History_comes_many_revisions_a_response_under_the_revision_of_the_store()
    {
        var (hub, stream) = Open(new WatchOptions { RecentChanges = 1 });
        for (var i = 0; i < 1500; i++)
        {
            Put(hub, "a", "1");
        }

        stream.Create(Watch("a", start: 2));
        stream.Create(Watch("a", end: "b", start: 2));
        var told = TakeAll(stream).Where(response => response.Events.Count > 0).ToLookup(response => response.WatchId);
        Assert.Equal([1000, 500], told[0].Select(response => response.Events.Count));
        Assert.Equal([1501, 1501], told[0].Select(response => response.Header.Revision));
        Assert.Equal([1000, 499, 1], told[1].Select(response => response.Events.Count));
    }

    [Fact]
    public void A_start_that_is_compacted_is_created_and_then_cancelled()
    {
        var (hub, stream) = Open();
        for (var i = 0; i < 5; i++)
        {
            Put(hub, "a", "1");
        }

        _space.Compact(5);
        Announce(hub);
        stream.Create(Watch("a", start: 4));
        stream.RequestProgress();
        var told = TakeAll(stream);
        Assert.Equal(2, told.Count);
        Assert.True(told[0].Created);
        Assert.False(told[0].Canceled);
        Assert.Equal(6, told[0].Header.Revision);
        Assert.True(told[1].Canceled);
        Assert.Equal(5, told[1].CompactRevision);
        Assert.Equal("", told[1].CancelReason);
        Assert.Equal(0, told[1].Header.Revision);

        // It is there until the client cancels it, and is answered then.
        stream.Create(Watch("a", id: 0));
        Assert.Equal(1, TakeAll(stream).Single().WatchId);
        Assert.True(stream.Cancel(0));
        var canceled = TakeAll(stream).Single();
        Assert.Equal((true, 0, 6), (canceled.Canceled, canceled.CompactRevision, canceled.Header.Revision));
        stream.RequestProgress();
        Assert.Equal(-1, TakeAll(stream).Single().WatchId);
    }

    [Fact]
    public void An_idle_watcher_is_not_harmed_by_compaction_however_far_history_goes_on()
    {
        var (hub, stream) = Open(new WatchOptions { RecentChanges = 2, RememberedMatches = 1 });
        stream.Create(Watch("a"));
        TakeAll(stream);
        for (var i = 0; i < 100; i++)
        {
            Put(hub, "b", "1");
        }

        _space.Compact(_space.Revision);
        Announce(hub);
        Put(hub, "a", "1");
        Assert.Single(TakeAll(stream).Single().Events);
    }

    [Fact]
    public void Progress_is_not_told_to_a_stream_without_watchers_or_before_all_have_begun()
    {
        var (hub, stream) = Open();
        stream.RequestProgress();
        Assert.Empty(TakeAll(stream));
        stream.Create(Watch("a", start: 3));
        stream.RequestProgress();
        Assert.True(TakeAll(stream).Single().Created);
        Put(hub, "b", "1");
        Put(hub, "b", "1");
        stream.RequestProgress();
        var told = TakeAll(stream).Single();
        Assert.Equal((-1, 3), (told.WatchId, told.Header.Revision));
    }

    [Fact]
    public void Progress_comes_after_the_events_that_are_on_their_way()
    {
        var (hub, stream) = Open();
        stream.Create(Watch("a"));
        Put(hub, "a", "1");
        stream.RequestProgress();
        Put(hub, "a", "2");
        var told = TakeAll(stream);
        Assert.Equal([0, 1, 1, 0], told.Select(response => response.Events.Count));
        Assert.Equal((-1, 3), (told[^1].WatchId, told[^1].Header.Revision));
    }

    [Fact]
    public void A_response_with_events_suppresses_exactly_the_next_tick()
    {
        var (hub, stream) = Open();
        stream.Create(Watch("a") with { ProgressNotify = true });
        stream.Create(Watch("a"));
        Put(hub, "a", "1");
        TakeAll(stream);
        stream.ProgressTick();
        Assert.Empty(TakeAll(stream));
        stream.ProgressTick();
        var told = TakeAll(stream).Single();
        Assert.Equal((0, 2, 0), (told.WatchId, told.Header.Revision, told.Events.Count));
        stream.ProgressTick();
        Put(hub, "a", "2");
        Assert.All(TakeAll(stream), response => Assert.Single(response.Events));
    }

    [Fact]
    public void A_large_response_comes_in_parts_if_the_client_allows_it()
    {
        var (hub, stream) = Open(new WatchOptions { FragmentBytes = 1000 });
        stream.Create(Watch("a", end: "z") with { Fragment = true });
        stream.Create(Watch("a", end: "z"));
        TakeAll(stream);
        _space.BeginWrite();
        foreach (var key in "abcdefgh")
        {
            _space.Put([(byte)key], new byte[300], 0);
        }

        _space.Put("i"u8, new byte[2000], 0);
        _space.EndWrite();
        Announce(hub);
        Put(hub, "j", new string('j', 3000));
        var told = TakeAll(stream).ToLookup(response => response.WatchId);
        Assert.Equal([9, 1], told[1].Select(response => response.Events.Count));
        Assert.Equal([3, 3, 2, 1, 1], told[0].Select(response => response.Events.Count));
        Assert.Equal([true, true, true, false, false], told[0].Select(response => response.Fragment));
        Assert.Equal([2, 2, 2, 2, 3], told[0].Select(response => response.Header.Revision));
    }

    [Fact]
    public void Failed_creations_say_why_and_leave_the_stream_alone()
    {
        var (_, stream) = Open();
        Assert.Equal(-1, stream.Create(Watch("a", start: -1)));
        Assert.Equal(-1, stream.Create(Watch("b", end: "a")));
        Assert.Equal(-1, stream.Create(Watch("b", end: "b")));
        Assert.Equal(7, stream.Create(Watch("b", id: 7)));
        Assert.Equal(-1, stream.Create(Watch("b", id: 7)));
        stream.Refuse("rpc error: code = PermissionDenied desc = etcdserver: permission denied");
        var told = TakeAll(stream);
        Assert.Equal([-1, -1, -1, 7, -1, -1], told.Select(response => response.WatchId));
        Assert.Equal([true, true, true, false, true, true], told.Select(response => response.Canceled));
        Assert.All(told, response => Assert.True(response.Created));
        Assert.Equal(
            [
                "etcdserver: mvcc: required revision has been compacted",
                "mvcc: watcher range is empty",
                "mvcc: watcher range is empty",
                "",
                "mvcc: duplicate watch ID provided on the WatchStream",
                "rpc error: code = PermissionDenied desc = etcdserver: permission denied",
            ],
            told.Select(response => response.CancelReason));
    }

    [Fact]
    public void Ids_count_up_from_zero_and_skip_those_in_use()
    {
        var (_, stream) = Open();
        Assert.Equal(0, stream.Create(Watch("a")));
        Assert.Equal(1, stream.Create(Watch("a", id: 1)));
        Assert.Equal(-5, stream.Create(Watch("a", id: -5)));
        Assert.Equal(2, stream.Create(Watch("a")));
        Assert.True(stream.Cancel(0));
        Assert.False(stream.Cancel(0));
        Assert.Equal(3, stream.Create(Watch("a")));
    }

    [Fact]
    public void An_empty_key_is_the_smallest_one()
    {
        var (hub, stream) = Open();
        stream.Create(Watch(""));
        stream.Create(new WatchCreate(default, new byte[] { 0 }));
        Put(hub, "\0", "1");
        Put(hub, "a", "1");
        var told = TakeAll(stream).Where(response => response.Events.Count > 0).ToLookup(response => response.WatchId);
        Assert.Single(told[0]);
        Assert.Equal(2, told[1].Count());
    }

    [Fact]
    public void The_signal_is_given_once_until_the_stream_is_idle_again()
    {
        var (hub, stream) = Open();
        stream.Create(Watch("a"));
        stream.Create(Watch("a", end: "z"));
        Put(hub, "a", "1");
        Put(hub, "a", "1");
        Assert.Equal(1, _signals);
        TakeAll(stream);
        Put(hub, "A", "1");
        Assert.Equal(1, _signals);
        Put(hub, "b", "1");
        Assert.Equal(2, _signals);
    }

    [Fact]
    public void Nothing_is_told_after_the_stream_has_ended()
    {
        var (hub, stream) = Open();
        stream.Create(Watch("a"));
        stream.Create(Watch("a", start: 1));
        Put(hub, "a", "1");
        stream.Take(Header, new ArrayBufferWriter<byte>());
        stream.Dispose();
        stream.Dispose();
        Put(hub, "a", "1");
        stream.RequestProgress();
        stream.ProgressTick();
        Assert.Equal(-1, stream.Create(Watch("a")));
        Assert.False(stream.Cancel(0));
        Assert.Empty(TakeAll(stream));
        Assert.Equal((0, 0, 0), (hub.StreamCount, hub.WatcherCount, hub.PendingCount));
    }

    [Fact]
    public void Nothing_is_kept_for_a_client_that_does_not_read_and_nothing_is_lost()
    {
        var (hub, stream) = Open(new WatchOptions { RecentBytes = 10_000, StreamBytes = 1000 });
        stream.Create(Watch("a"));
        TakeAll(stream);
        for (var i = 0; i < 3000; i++)
        {
            Put(hub, "a", i.ToString("D100", System.Globalization.CultureInfo.InvariantCulture));
        }

        Assert.Equal(1, hub.PendingCount);
        var told = TakeAll(stream).SelectMany(response => response.Events).Select(item => item.Kv.ModRevision);
        Assert.Equal(Enumerable.Range(2, 3000).Select(revision => (long)revision), told);
        Assert.Equal(0, hub.PendingCount);
    }

    [Fact]
    public void A_watcher_of_one_key_far_behind_reads_the_records_of_this_key_alone()
    {
        var (hub, stream) = Open(new WatchOptions { RecentChanges = 1 });
        for (var i = 0; i < 500; i++)
        {
            Put(hub, i % 100 == 0 ? "a" : "b", "1");
        }

        var before = _records.Reads;
        stream.Create(Watch("a", start: 2));
        Assert.Equal(5, TakeAll(stream).Sum(response => response.Events.Count));
        Assert.Equal(5, _records.Reads - before);
    }

    [Fact]
    public void Watchers_of_ranges_that_are_near_each_other_read_history_once()
    {
        var (hub, stream) = Open(new WatchOptions { RecentChanges = 1 });
        for (var i = 0; i < 500; i++)
        {
            Put(hub, "b", "1");
        }

        var before = _records.Reads;
        for (var i = 0; i < 10; i++)
        {
            stream.Create(Watch("a", end: $"c{i}", start: 2 + i));
        }

        Assert.Equal(5000 - 45, TakeAll(stream).Sum(response => response.Events.Count));
        Assert.True(_records.Reads - before <= 510, $"{_records.Reads - before} reads");
    }

    [Fact]
    public void What_was_before_is_looked_up_once_for_all_who_want_it()
    {
        var (hub, stream) = Open();
        for (var i = 0; i < 10; i++)
        {
            stream.Create(Watch("a", end: i % 2 == 0 ? "b" : "c") with { PrevKv = true });
        }

        Put(hub, "a", "1");
        Put(hub, "a", "2");
        var before = _records.Reads;
        var told = TakeAll(stream).SelectMany(response => response.Events).Where(item => item.Kv.Version == 2).ToList();
        Assert.Equal(10, told.Count);
        Assert.All(told, item => Assert.Equal("1", item.PrevKv.Value.ToStringUtf8()));
        Assert.Equal(1, _records.Reads - before);
    }

    [Theory]
    [InlineData("")]
    [InlineData("b")]
    public void A_record_that_cannot_be_read_stops_the_watcher_there_until_it_can(string end)
    {
        var (hub, stream) = Open(new WatchOptions { RecentChanges = 1 });
        for (var i = 0; i < 10; i++)
        {
            Put(hub, "a", "1");
        }

        stream.Create(Watch("a", end: end, start: 2));
        _records.Damaged = new Revision(6, 0);
        Assert.Throws<IOException>(() => TakeAll(stream));
        Assert.Throws<IOException>(() => TakeAll(stream));
        _records.Damaged = null;
        var told = TakeAll(stream).SelectMany(response => response.Events).Select(item => item.Kv.ModRevision);
        Assert.Equal(Enumerable.Range(2, 10).Select(revision => (long)revision), told);
    }

    [Fact]
    public void A_write_larger_than_all_that_is_kept_comes_whole()
    {
        var (hub, stream) = Open(new WatchOptions { RecentChanges = 10, StreamBytes = 100, RememberedMatches = 1 });
        stream.Create(Watch("a", end: "z") with { PrevKv = true });
        TakeAll(stream);
        for (var round = 0; round < 2; round++)
        {
            _space.BeginWrite();
            for (var i = 0; i < 5000; i++)
            {
                _space.Put(Encoding.ASCII.GetBytes($"key{i:D5}"), "v"u8, 0);
            }

            _space.EndWrite();
            Announce(hub);
        }

        // The second round's writes push out the first, and what is too long for memory is read as history.
        var told = TakeAll(stream);
        Assert.Equal(10_000, told.Sum(response => response.Events.Count));
        Assert.All(told, response => Assert.Equal(0, response.Events.Count % 5000));
    }

    [Fact]
    public void The_bytes_of_a_response_are_these()
    {
        var (hub, stream) = Open();
        stream.Create(Watch("k", id: 300) with { PrevKv = true });
        Put(hub, "k", "v1");
        TakeAll(stream);
        _space.BeginWrite();
        _space.Delete("k"u8, out _);
        _space.EndWrite();
        Announce(hub);
        var output = new ArrayBufferWriter<byte>();
        Assert.Equal(WatchTake.Response, stream.Take(Header, output));

        // header {1: 1, 2: 2, 3: 3, 4: 3}, watch_id 300,
        // event {type 1, kv {key k, mod 3}, prev_kv {key k, create 2, mod 2, version 1, value v1}}
        Assert.Equal(
            "0a08" + "0801" + "1002" + "1803" + "2003" + "10ac02"
            + "5a18" + "0801" + "1205" + "0a016b" + "1803" + "1a0d" + "0a016b" + "1002" + "1802" + "2001" + "2a027631",
            Convert.ToHexStringLower(output.WrittenSpan));
    }

    [Fact]
    public void What_is_written_is_what_the_generated_classes_would_write()
    {
        var (hub, stream) = Open(new WatchOptions { FragmentBytes = 500 });
        stream.Create(Watch("a", end: "z") with { PrevKv = true, Fragment = true });
        stream.Create(Watch("z", end: "a"));
        for (var i = 0; i < 3; i++)
        {
            _space.BeginWrite();
            _space.Put("a"u8, new byte[i * 3000], i);
            _space.Put("b"u8, default, 0);
            _space.Delete("b"u8, out _);
            _space.EndWrite();
            Announce(hub);
        }

        stream.RequestProgress();
        stream.Cancel(0);
        var output = new ArrayBufferWriter<byte>();
        while (stream.Take(Header, output) != WatchTake.Idle)
        {
            Assert.Equal(WatchResponse.Parser.ParseFrom(output.WrittenSpan).ToByteArray(), output.WrittenSpan);
            output.ResetWrittenCount();
        }
    }

    private static WatchCreate Watch(string key, string end = "", long start = 0, long id = 0)
        => new(Encoding.ASCII.GetBytes(key), Encoding.ASCII.GetBytes(end)) { StartRevision = start, WatchId = id };

    private static List<WatchResponse> TakeAll(WatchStream stream)
    {
        var all = new List<WatchResponse>();
        var output = new ArrayBufferWriter<byte>();
        while (stream.Take(Header, output) is var take && take != WatchTake.Idle)
        {
            if (take == WatchTake.Response)
            {
                all.Add(WatchResponse.Parser.ParseFrom(output.WrittenSpan));
                output.ResetWrittenCount();
            }
        }

        return all;
    }

    private (WatchHub Hub, WatchStream Stream) Open(WatchOptions? options = null)
    {
        var hub = new WatchHub(_space, options ?? new WatchOptions(), WatchFaults.None);
        return (hub, hub.OpenStream(this));
    }

    private void Put(WatchHub hub, string key, string value)
    {
        _space.BeginWrite();
        _space.Put(Encoding.ASCII.GetBytes(key), Encoding.ASCII.GetBytes(value), 0);
        _space.EndWrite();
        Announce(hub);
    }

    private void Announce(WatchHub hub)
    {
        hub.Collect(_space.Changes);
        _space.Publish();
        hub.Announce(_space.PublishedRevision);
    }
}
