using RaftKv.Raft;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Backups;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Tests.Backups;

public sealed class RevisionSorterTests
{
    public static TheoryData<ulong> Seeds => Tests.Seeds.Some(20);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Records_come_in_the_order_of_their_revisions_however_little_memory_there_is(ulong seed)
    {
        var chance = new Chance(seed);
        var disk = new SimulatedFileSystem(seed);
        using var file = disk.CreateFile("/scratch");
        var sorter = new RevisionSorter(file, memoryBytes: (int)chance.Below(5000));
        var expected = new SortedDictionary<Revision, string>();
        for (var i = 0; i < (int)chance.Below(500); i++)
        {
            var revision = new Revision((long)chance.Below(1_000_000), (long)chance.Below(3));
            var record = new byte[chance.Below(50) == 0 ? 200_000 : (int)chance.Below(100)];
            record.AsSpan().Fill((byte)i);
            if (expected.TryAdd(revision, Convert.ToHexString(record)))
            {
                sorter.Add(revision, record);
            }
        }

        Assert.Equal(
            expected.Select(one => (one.Key, one.Value)),
            sorter.Sorted().Select(one => (one.Revision, Convert.ToHexString(one.Record.Span))));
    }
}
