using RaftKv.Raft;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Tests.Records;

namespace RaftKv.Storage.Tests.Mvcc;

/// <summary>What is let go of is missed by nobody: not by views, not by restarts, and no key rises from the dead.</summary>
public sealed class KeySpaceReclaimTests
{
    [Fact]
    public void Reclaiming_gives_the_space_of_dead_history_back()
    {
        using var disk = new SpaceOnDisk();
        for (var i = 0; i < 200; i++)
        {
            disk.Put($"k{i % 5}", $"v{i}");
        }

        disk.Checkpoint();
        var before = disk.Space.DiskBytes;
        disk.CompactFully();
        disk.Checkpoint();
        disk.ReclaimAll();
        disk.ReclaimAll();

        Assert.True(disk.Space.DiskBytes < before / 4, $"{disk.Space.DiskBytes} of {before} bytes are left");
        disk.Restart();
        Assert.Equal(["k0", "k1", "k2", "k3", "k4"], disk.Contents().Keys.Order());
        Assert.Equal("v199", disk.Contents()["k4"]);
    }

    [Fact]
    public void Nothing_is_let_go_of_before_a_checkpoint_knows_of_the_compaction()
    {
        using var disk = new SpaceOnDisk();
        disk.Put("a", "1");
        disk.Put("a", "2");
        disk.Checkpoint();
        disk.Put("b");
        disk.CompactFully();

        Assert.Equal(0, disk.Space.ReclaimStep(1000).LookedThrough);
        disk.Restart();

        using var view = disk.Space.OpenView();
        Assert.Equal("1", SpaceOnDisk.Contents(view, 2)["a"]);
    }

    [Fact]
    public void A_dead_tombstone_outlives_the_put_that_lies_behind_it()
    {
        using var disk = new SpaceOnDisk();
        disk.Put("k");
        disk.Put("filler", new string('x', 300));
        disk.Checkpoint();
        disk.CompactFully();
        disk.Checkpoint();

        // Both are alive and move to the end, the put behind what comes now.
        disk.Delete("k");
        disk.Checkpoint();
        disk.ReclaimAll();

        disk.Put("other");
        disk.CompactFully();
        disk.Checkpoint();
        for (var step = 0; step < 12; step++)
        {
            disk.Space.ReclaimStep(1);
            disk.Checkpoint();
            disk.Restart();
            Assert.DoesNotContain("k", disk.Contents());
            disk.FinishCompaction();
            Assert.DoesNotContain("k", disk.Contents());
            disk.Checkpoint();
        }
    }

    [Fact]
    public void A_deleted_key_stays_deleted_while_a_view_from_two_compactions_ago_keeps_its_put()
    {
        using var disk = new SpaceOnDisk();
        disk.Put("k");
        disk.Put("other");
        using var old = disk.Space.OpenView();
        disk.CompactFully();
        disk.Delete("k");
        disk.Put("other");
        disk.CompactFully();
        disk.Checkpoint();
        for (var round = 0; round < 4; round++)
        {
            disk.ReclaimAll();
            Assert.Contains("k", SpaceOnDisk.Contents(old));
        }

        old.Dispose();
        disk.Restart();
        Assert.DoesNotContain("k", disk.Contents());
    }

    [Fact]
    public void A_key_that_is_deleted_and_compacted_in_one_batch_stays_deleted_while_a_view_keeps_its_put()
    {
        using var disk = new SpaceOnDisk();
        disk.Put("k");
        using var old = disk.Space.OpenView();
        disk.Write(("k", null));
        disk.Write(("other", "value"));
        disk.CompactFully();
        disk.Checkpoint();
        for (var round = 0; round < 4; round++)
        {
            disk.ReclaimAll();
            Assert.Contains("k", SpaceOnDisk.Contents(old));
        }

        old.Dispose();
        disk.Restart();
        Assert.DoesNotContain("k", disk.Contents());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_deleted_key_stays_deleted_when_a_restart_comes_between_moving_its_tombstone_and_letting_it_go(bool isViewed)
    {
        for (var stop = 0; stop < 20; stop++)
        {
            using var disk = new SpaceOnDisk();
            disk.Put("k");
            disk.Delete("k");
            disk.Put("other");
            disk.Checkpoint();
            disk.CompactFully();
            disk.Checkpoint();

            // The tombstone is moved. The put is looked through as well, but its segment is still there.
            disk.Space.ReclaimStep(60);
            disk.Put("filler", new string('x', 300));
            disk.Checkpoint();
            disk.Restart();
            disk.Checkpoint();

            // From now on the put would be moved behind the tombstone, if it passed for alive.
            disk.Space.ReclaimStep(1);
            using var view = isViewed ? disk.Space.OpenView() : null;
            disk.CompactFully();
            disk.Checkpoint();
            for (var step = 0; step < stop; step++)
            {
                disk.Space.ReclaimStep(1);
                if (step == stop / 2)
                {
                    view?.Dispose();
                }
            }

            disk.Checkpoint();
            view?.Dispose();
            disk.Restart();
            Assert.DoesNotContain("k", disk.Contents());
        }
    }

    [Fact]
    public void A_deleted_key_stays_deleted_when_the_disk_fills_while_reclaiming()
    {
        for (var room = 0; room < 2000; room += 20)
        {
            using var disk = new SpaceOnDisk();
            disk.Put("k", new string('k', 300));
            disk.Delete("k");
            disk.Put("a", new string('a', 100));
            disk.Put("b", new string('b', 200));
            disk.Put("c", new string('c', 200));
            disk.Checkpoint();

            // The put moves behind its tombstone.
            disk.Space.ReclaimStep(1);
            disk.Checkpoint();
            disk.CompactFully();
            disk.Checkpoint();
            disk.Disk.QuotaBytes = disk.Disk.UsedBytes + room;
            try
            {
                disk.Space.ReclaimStep(100_000);
            }
            catch (DiskFullException)
            {
            }

            disk.Disk.QuotaBytes = long.MaxValue;
            disk.Checkpoint();
            disk.Restart();
            Assert.Equal(["a", "b", "c"], disk.Contents().Keys);
        }
    }

    [Fact]
    public void A_view_that_is_opened_before_a_compaction_is_published_sees_the_history_it_was_promised()
    {
        using var disk = new SpaceOnDisk();
        disk.Put("k", "1");
        disk.Put("k", "2");
        disk.Space.Compact(disk.Space.Revision);
        using var view = disk.Space.OpenView();
        Assert.Equal(-1, view.Compacted);

        disk.Space.Publish();
        disk.FinishCompaction();
        disk.Checkpoint();
        disk.ReclaimAll();
        disk.ReclaimAll();

        Assert.Equal("1", SpaceOnDisk.Contents(view, 2)["k"]);
        Assert.Equal("2", SpaceOnDisk.Contents(view, 3)["k"]);
        var history = new HistoryCollection();
        view.ReadHistory(2, 3, history);
        Assert.Equal(2, history.Changes.Count);
    }

    [Fact]
    public void The_compacted_revision_stays_whole_though_a_key_changed_twice_in_it()
    {
        using var disk = new SpaceOnDisk();
        disk.Space.BeginWrite();
        disk.Space.Put("k"u8, "1"u8, lease: 0);
        disk.Space.Delete("k"u8, out _);
        disk.Space.Put("other"u8, "2"u8, lease: 0);
        disk.Space.EndWrite();
        disk.Space.Compact(disk.Space.Revision);
        disk.Space.Publish();
        disk.FinishCompaction();
        disk.Checkpoint();
        disk.ReclaimAll();
        disk.ReclaimAll();

        using var view = disk.Space.OpenView();
        var history = new HistoryCollection();
        view.ReadHistory(view.Compacted, view.Revision, history);
        Assert.Equal([new(2, 0), new(2, 1), new(2, 2)], history.Changes.Select(change => change.Revision));
    }

    [Fact]
    public void What_a_view_sees_is_not_let_go_of_before_the_compaction_is_published()
    {
        using var disk = new SpaceOnDisk();
        disk.Put("k", "1");
        disk.Put("k", "2");
        using var view = disk.Space.OpenView();
        disk.Space.Compact(disk.Space.Revision);
        while (disk.Space.CompactStep(10))
        {
        }

        disk.Checkpoint();
        disk.ReclaimAll();

        Assert.Equal("1", SpaceOnDisk.Contents(view, 2)["k"]);
        disk.Space.Publish();
        disk.ReclaimAll();
        disk.ReclaimAll();
        Assert.Equal("1", SpaceOnDisk.Contents(view, 2)["k"]);
    }

    [Theory]
    [MemberData(nameof(Seeds.Few), MemberType = typeof(Seeds))]
    public void Random_compactions_views_and_restarts_never_bring_a_key_back_or_lose_one(ulong seed)
    {
        using var space = new RandomSpace(seed, KeySpaceFaults.None);
        space.Play();
    }

    [Theory]
    [MemberData(nameof(Seeds.Few), MemberType = typeof(Seeds))]
    public void Nor_do_they_on_a_record_store_that_promises_no_more_than_it_must(ulong seed)
    {
        using var space = OnLooseRecords(seed, KeySpaceFaults.None);
        space.Play();
    }

    public static TheoryData<string> Faults =>
    [
        .. typeof(KeySpaceFaults).GetProperties().Where(property => property.PropertyType == typeof(bool)).Select(property => property.Name),
    ];

    /// <summary>Tests the tests: each mistake must be noticed within 200 seeds.</summary>
    [Theory]
    [MemberData(nameof(Faults))]
    public void Each_mistake_is_noticed(string mistake)
    {
        var faults = new KeySpaceFaults();
        typeof(KeySpaceFaults).GetProperty(mistake)!.SetValue(faults, true);
        for (var seed = 1ul; seed <= 200; seed++)
        {
            try
            {
                using var space = new RandomSpace(seed, faults);
                space.Play();
                using var loose = OnLooseRecords(seed, faults);
                loose.Play();
            }
            catch (Exception noticed) when (noticed is not OutOfMemoryException)
            {
                TestContext.Current.SendDiagnosticMessage($"{mistake}: seed {seed}: {noticed.Message.Split('\n')[0]}");
                return;
            }
        }

        Assert.Fail($"Nobody noticed {mistake}.");
    }

    private static RandomSpace OnLooseRecords(ulong seed, KeySpaceFaults faults)
        => new(seed, faults, _ => new LooseRecordStoreMaker(new Chance(seed)));
}
