using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Storage.Checkpoints;

namespace RaftKv.Storage.Tests.State.Model;

/// <summary>One story that has everything, and a crash at every single operation on the disk of either replica.</summary>
public sealed class StateCrashMatrixTests
{
    private static readonly StateStep[] Story =
    [
        Propose(new StateRequest.Grant(1, 60)),
        .. Enumerable.Range(0, 6).Select(i => Put($"k{i % 4}", 40 * i, lease: i % 2)),
        .. ApplyAll(),
        .. Checkpoint(0),
        Propose(new StateRequest.Txn(new TxnRequest
        {
            Success =
            {
                new RequestOp { RequestPut = new PutRequest { Key = Key("k1"), Value = ByteString.CopyFrom(new byte[300]) } },
                new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = Key("k2") } },
            },
        })),
        Propose(new StateRequest.Compact(0)),
        Put("k0", 500, lease: 1),
        new StateStep.Apply(0, 3),
        new StateStep.OpenView(0),
        new StateStep.CompactStep(0, 2),
        .. Checkpoint(0),
        new StateStep.Reclaim(0, 200),
        new StateStep.BeginSnapshot(0),
        new StateStep.CompactStep(0, 10),
        new StateStep.BeginCheckpoint(0),
        Put("k3", 10, lease: 0),
        Propose(new StateRequest.Revoke(1)),
        new StateStep.Apply(0, 2),
        new StateStep.WriteCheckpoint(0),
        new StateStep.FinishCheckpoint(0),
        new StateStep.SendSnapshot(0, 100),
        new StateStep.InstallSnapshot(1),
        new StateStep.LookAtView(0, 1, IsLast: true),
        new StateStep.Reclaim(0, 10_000),
        .. Checkpoint(0),
        .. ApplyAll(),
        new StateStep.Tidy(1),
        Propose(new StateRequest.Delete(new DeleteRangeRequest { Key = StateStories.All, RangeEnd = StateStories.All })),
        Propose(new StateRequest.Compact(0)),
        .. ApplyAll(),
        new StateStep.Tidy(0),
        new StateStep.Tidy(1),
        Put("last", 1, lease: 0),
        .. ApplyAll(),
        .. Checkpoint(1),
    ];

    [Theory]
    [InlineData(0, true)]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(1, false)]
    public void Whenever_the_power_goes_or_the_process_ends_the_state_comes_back(int replica, bool isPowerCut)
        => Assert.True(PlayAll(replica, isPowerCut, seedsEach: 4, isOnFaster: false) > 40);

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void So_it_does_on_the_record_store_of_a_member(int replica, bool isPowerCut)
        => Assert.True(PlayAll(replica, isPowerCut, seedsEach: 1, isOnFaster: true) > 20);

    // How many operations there are to crash at.
    private static int PlayAll(int replica, bool isPowerCut, int seedsEach, bool isOnFaster)
    {
        for (var at = 0; ; at++)
        {
            var wasInterrupted = false;
            for (var seed = 1ul; seed <= (ulong)seedsEach; seed++)
            {
                try
                {
                    StateStep[] story = [new StateStep.CrashLater(replica, at, isPowerCut), .. Story];
                    wasInterrupted |= StateWorld.Play(story, seed, StateFaults.None, isOnFaster).Interrupted > 0;
                }
                catch (Exception failure)
                {
                    throw new InvalidOperationException($"crash at operation {at}, seed {seed}: {failure.Message}", failure);
                }
            }

            if (!wasInterrupted)
            {
                return at;
            }
        }
    }

    private static ByteString Key(string key) => ByteString.CopyFromUtf8(key);

    private static StateStep.Propose Propose(StateRequest request) => new(request);

    private static StateStep.Propose Put(string key, int valueBytes, long lease)
        => Propose(new StateRequest.Put(new PutRequest { Key = Key(key), Value = ByteString.CopyFrom(new byte[valueBytes]), Lease = lease }));

    private static StateStep[] ApplyAll() => [new StateStep.Apply(0, 100), new StateStep.Apply(1, 100), new StateStep.Look(0, 1), new StateStep.Look(1, 2)];

    private static StateStep[] Checkpoint(int replica)
        => [new StateStep.BeginCheckpoint(replica), new StateStep.WriteCheckpoint(replica), new StateStep.FinishCheckpoint(replica)];
}
