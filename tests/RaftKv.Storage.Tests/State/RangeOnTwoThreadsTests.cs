using RaftKv.Raft;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records.Faster;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;
using RaftKv.Storage.Tests.Records;
using RaftKv.Storage.Tests.Watch;

namespace RaftKv.Storage.Tests.State;

/// <summary>Long ranges, of which each thread reads a half.</summary>
public sealed class RangeOnTwoThreadsTests : IDisposable
{
    private const int Keys = 5000;

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<ulong> Seeds => Tests.Seeds.Some(3);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Finds_what_one_thread_finds(ulong seed)
    {
        var chance = new Chance(seed);

        // A few pages in memory, the rest on the disk.
        using var space = new KeySpace(
            FasterRecordStore.Create(new PhysicalFileSystem(), _folder.Path, 1, PhysicalFasterRecordStoreContract.OptionsFor(256 * 1024)));
        Fill(space, chance, key => chance.Below(200) == 0 ? chance.Between(50_000, 200_000) : key % 300);
        using var view = space.OpenView();
        foreach (var query in (RangeQuery[])[
            All, All with { IsKeysOnly = true }, All with { Limit = 511 }, All with { Limit = 512 }, All with { Limit = 1025 }, All with { Limit = 1500 },
            All with { Order = SortOrder.Descend }, All with { MinModified = Keys / 2 }])
        {
            var alone = new WireWriter();
            RangeRead.Run(query, view, alone);
            var together = new WireWriter();
            RangeRead.Run(query, view, together, onTwoThreads: true);

            Assert.True(alone.Written.SequenceEqual(together.Written));
        }
    }

    [Fact]
    public void A_record_that_cannot_be_read_fails_it_whichever_thread_comes_upon_it()
    {
        foreach (var bad in (long[])[10, 600, 1100, 1600, 2100, Keys])
        {
            using var space = new KeySpace(new MemoryRecords { Damaged = new Revision(bad, 0) });
            Fill(space, new Chance(1), _ => 10);
            using var view = space.OpenView();

            var failure = Assert.Throws<IOException>(() => RangeRead.Run(All, view, new WireWriter(), onTwoThreads: true));
            Assert.Equal($"{new Revision(bad, 0)} is damaged.", failure.Message);
        }
    }

    private static RangeQuery All => new() { Key = new byte[] { 0 }, RangeEnd = new byte[] { 0 } };

    private static void Fill(KeySpace space, Chance chance, Func<int, int> bytes)
    {
        for (var key = 0; key < Keys; key++)
        {
            var value = new byte[bytes(key)];
            value.AsSpan().Fill((byte)key);
            space.BeginWrite();
            space.Put(System.Text.Encoding.UTF8.GetBytes($"k{chance.Below(1_000_000):d6}-{key}"), value, lease: chance.CoinToss() ? 7 : 0);
            space.EndWrite();
        }

        space.Publish();
    }
}
