using RaftKv.Server.Bootstrap;
using RaftKv.Server.Hosting;
using RaftKv.Server.Replica;
using RaftKv.Server.Tls;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

namespace RaftKv.Server.Tests.Restoring;

/// <summary>A disk, for what is done to a data directory while no member runs on it.</summary>
internal sealed class DiskGround(IFileSystem files) : MemberGround
{
    private ulong _drawn = 1000;

    public override IFileSystem Files => files;

    public override WalOptions? Wal { get; } = new() { SegmentBytes = 64 * 1024 };

    public override IBackground Background => throw new NotSupportedException();

    public override IRecordStoreMaker NewRecords(RaftKvOptions options) => new LogRecordStoreMaker(files);

    public override IStageRunner NewRunner(Action<string, Exception> onFailure) => throw new NotSupportedException();

    public override ulong Draw() => ++_drawn;

    public override string PathOf(RaftKvOptions options) => options.DataDirectory;

    public override Task<IPeerLink> OpenPeersAsync(
        RaftKvOptions options, RunningMember member, MemberFile who, HttpClient http, TlsPort? tls, CancellationToken cancellation)
        => throw new NotSupportedException();
}
