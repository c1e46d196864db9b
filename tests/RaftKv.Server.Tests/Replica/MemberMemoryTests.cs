using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Replica;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.Wal;

namespace RaftKv.Server.Tests.Replica;

public sealed class MemberMemoryTests : IDisposable
{
    private const ulong Identity = 7;

    private static readonly NodeId Self = new(1);
    private static readonly NodeId Other = new(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-memory-").FullName;
    private readonly PhysicalFileSystem _files = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Who_has_only_what_it_was_founded_with_remembers_nothing()
    {
        using var stages = Start();
        Assert.True(stages.Memory.IsBlank);
        Assert.False(stages.Memory.OutlivesProcess);
        Assert.False(stages.Memory.HasRun(Other));
    }

    [Fact]
    public void What_has_come_after_the_founding_is_remembered()
    {
        using var stages = Start(new Entry(2, 2, EntryKind.Command, default));
        Assert.False(stages.Memory.IsBlank);
        Assert.True(stages.Memory.OutlivesProcess);
    }

    [Fact]
    public void A_start_that_stands_in_the_log_is_known_before_it_is_applied()
    {
        using var stages = Start(
            new Entry(2, 2, EntryKind.Command, default),
            new Entry(2, 3, EntryKind.Command, CommandEnvelope.Encode(5, Caller.Nobody, new AlarmCommand(default, Other, default))),
            new Entry(2, 4, EntryKind.Command, CommandEnvelope.Encode(6, Caller.Nobody, new MemberAttributesCommand(Other, "m2", []))));
        Assert.True(stages.Memory.HasRun(Other));
        Assert.False(stages.Memory.HasRun(new NodeId(3)));
    }

    // A member of three, whose log has these entries behind the founding and whose state has nothing.
    private MemberStages Start(params Entry[] entries)
    {
        var walPath = Directory.CreateDirectory(Path.Join(_folder, "wal")).FullName;
        var statePath = Directory.CreateDirectory(Path.Join(_folder, "state")).FullName;
        var members = MemberTable.Bootstrapped(
            Enumerable.Range(1, 3).Select(i => new Member(new NodeId((ulong)i), "", [$"http://127.0.0.1:{i}"], [], IsLearner: false)));
        var wal = WriteAheadLog.Create(_files, walPath, Identity);
        MemberStages.Found(wal, new MemberFile(Self, ClusterId: 1, IsFounder: true, members));
        if (entries.Length > 0)
        {
            wal.Append(new WalBatch { Entries = entries });
        }

        var settings = new MemberSettings
        {
            Self = Self,
            Time = new ManualTime(),
            ElectionTimeout = TimeSpan.FromSeconds(1),
            RequestTimeout = TimeSpan.FromSeconds(7),
            RequestIdBase = 1UL << 32,
        };
        var nobody = new Nobody();
        return new MemberStages(
            settings,
            wal,
            observer => StateStore.Open(_files, statePath, Identity, new LogRecordStoreMaker(_files), observer),
            new StageBells(nobody, nobody, nobody, nobody),
            membersChanged: () => { });
    }

    // Nothing runs here.
    private sealed class Nobody : IDoorbell, IBackground
    {
        public void Ring()
        {
        }

        public void Run(Action work)
        {
        }
    }
}
