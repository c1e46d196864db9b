using System.Security.Cryptography;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Metrics;
using RaftKv.Server.Peers;
using RaftKv.Server.Replica;
using RaftKv.Server.Tls;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.Records.Faster;
using RaftKv.Storage.Wal;

namespace RaftKv.Server.Hosting;

/// <summary>
/// What a member stands on: a disk, what runs its stages, chance, and the ways to the other members. There is the machine's
/// own (<see cref="MachineGround"/>), and that of members which live in a test.
/// </summary>
internal abstract class MemberGround
{
    public abstract IFileSystem Files { get; }

    public virtual WalOptions? Wal => null;

    public abstract IBackground Background { get; }

    public abstract IRecordStoreMaker NewRecords(RaftKvOptions options);

    /// <summary>What runs one stage, and whom to ring for it.</summary>
    /// <param name="onFailure">Told of what the stage threw, with its name.</param>
    public abstract IStageRunner NewRunner(Action<string, Exception> onFailure);

    /// <summary>A number that nobody could have foretold, except in tests.</summary>
    public virtual ulong Draw() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    /// <summary>The member's data directory, whose parent this makes.</summary>
    public abstract string PathOf(RaftKvOptions options);

    /// <summary>Opens the ways to the other members. They may come before the member has started.</summary>
    public abstract Task<IPeerLink> OpenPeersAsync(
        RaftKvOptions options, RunningMember member, MemberFile who, HttpClient http, TlsPort? tls, CancellationToken cancellation);
}

/// <summary>A member's ways to the others, and theirs to it.</summary>
internal interface IPeerLink : IAsyncDisposable
{
    IPeerNetwork Network { get; }

    ILeaderCalls Leader { get; }

    /// <summary>How long the others take to answer.</summary>
    PeerRoundTrips RoundTrips => new();

    /// <summary>Where it listens.</summary>
    IReadOnlyList<Uri> EndPoints { get; }
}

/// <summary>Runs a stage when somebody rings, never twice at once.</summary>
internal interface IStageRunner : IDoorbell, IDisposable
{
    void Start(IStage stage);

    /// <summary>Lets the stage finish what it is doing; it is not run again.</summary>
    void Stop();
}

/// <summary>The machine: its disk, a thread under each stage, sockets.</summary>
internal sealed class MachineGround : MemberGround
{
    public static readonly MachineGround Instance = new(new PhysicalFileSystem());

    /// <param name="files">Its disk. Fault tests put their own in between.</param>
    public MachineGround(IFileSystem files) => Files = files;

    public override IFileSystem Files { get; }

    public override IBackground Background { get; } = new PoolBackground();

    public override IRecordStoreMaker NewRecords(RaftKvOptions options)
        => new FasterRecordStoreMaker(Files, OptionsOf(options));

    // A record lies in one page, and has its key's revisions and its lease beside what was asked for.
    private static FasterRecordStoreOptions OptionsOf(RaftKvOptions options)
    {
        var usual = new FasterRecordStoreOptions { MemoryBytes = options.RecordMemoryBytes };
        if (options.MaxRequestBytes + RaftKvOptions.RecordOverheadBytes <= usual.LargestRecordBytes)
        {
            return usual;
        }

        var wide = usual with { LargestRecordBytes = options.MaxRequestBytes + RaftKvOptions.RecordOverheadBytes };
        return wide with { MemoryBytes = Math.Max(wide.MemoryBytes, 4L * wide.PageBytes) };
    }

    public override IStageRunner NewRunner(Action<string, Exception> onFailure) => new StageThread(onFailure);

    public override string PathOf(RaftKvOptions options)
    {
        var path = Path.GetFullPath(options.DataDirectory.Length > 0 ? options.DataDirectory : $"{options.Name}.raftkv");
        if (Path.GetDirectoryName(path) is { Length: > 0 } parent)
        {
            Directory.CreateDirectory(parent);
        }

        return path;
    }

    public override Task<IPeerLink> OpenPeersAsync(
        RaftKvOptions options, RunningMember member, MemberFile who, HttpClient http, TlsPort? tls, CancellationToken cancellation)
        => PeerPort.OpenAsync(options, member, who, http, tls, cancellation);

    private sealed class PoolBackground : IBackground
    {
        public void Run(Action work) => ThreadPool.UnsafeQueueUserWorkItem(static todo => todo(), work, preferLocal: false);

        public void RunLater(TimeSpan pause, Action work) => _ = RunAfterAsync(pause, work);

        private static async Task RunAfterAsync(TimeSpan pause, Action work)
        {
            await Task.Delay(pause, TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
            work();
        }
    }
}
