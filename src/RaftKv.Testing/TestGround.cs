using RaftKv.Raft;
using RaftKv.Server;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Hosting;
using RaftKv.Server.Replica;
using RaftKv.Server.Tls;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

namespace RaftKv.Testing;

/// <summary>A member's disk in memory, its turns on the pump, chance from a seed. The disk outlives its processes.</summary>
internal sealed class TestGround(TestNetwork network, Pump pump, ulong seed) : MemberGround
{
    private readonly Chance _chance = new(seed);

    public override IFileSystem Files { get; } = new MemoryFileSystem();

    // Nobody writes much here, and a segment's first page is all it takes.
    public override WalOptions? Wal { get; } = new() { SegmentBytes = 1024 * 1024 };

    public override IBackground Background => pump;

    public override IRecordStoreMaker NewRecords(RaftKvOptions options) => new LogRecordStoreMaker(Files);

    public override IStageRunner NewRunner(Action<string, Exception> onFailure) => pump.NewRunner(onFailure);

    public override ulong Draw() => (ulong)_chance.Below(long.MaxValue);

    public override string PathOf(RaftKvOptions options) => $"/{options.Name}";

    public override Task<IPeerLink> OpenPeersAsync(
        RaftKvOptions options, RunningMember member, MemberFile who, HttpClient http, TlsPort? tls, CancellationToken cancellation)
        => Task.FromResult<IPeerLink>(new Station(network, member, options.Name, options.AdvertisePeerUrls[0]));
}
