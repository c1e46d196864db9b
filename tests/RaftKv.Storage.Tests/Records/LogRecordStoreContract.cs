using RaftKv.Simulation.Disks;
using RaftKv.Storage.Files;
using RaftKv.Storage.Records;

namespace RaftKv.Storage.Tests.Records;

public sealed class SimulatedLogRecordStoreContract : RecordStoreContract
{
    private const ulong Identity = 0xFEED;

    private static readonly LogRecordStoreOptions Options = new() { SegmentBytes = 16 * 1024, BufferBytes = 2048 };

    private readonly SimulatedFileSystem _disk = new(seed: 1);

    public SimulatedLogRecordStoreContract() => _disk.CreateDirectory(Folder);

    protected override IFileSystem Disk => _disk;

    protected override string Folder => "/records";

    protected override IRecordStore Create(int largestRecord) => LogRecordStore.Create(Disk, Folder, Identity, Options);

    protected override IRecordStore Open(ReadOnlyMemory<byte> token, int largestRecord)
        => LogRecordStore.Open(Disk, Folder, Identity, token, Options);

    protected override void Crash(IRecordStore store)
    {
        store.Dispose();
        _disk.SyncDirectory("/");
        _disk.Crash();
    }
}

public sealed class PhysicalLogRecordStoreContract : RecordStoreContract, IDisposable
{
    private const ulong Identity = 0xFEED;

    private static readonly LogRecordStoreOptions Options = new() { SegmentBytes = 16 * 1024, BufferBytes = 2048 };

    private readonly TemporaryFolder _folder = new();

    protected override IFileSystem Disk { get; } = new PhysicalFileSystem();

    protected override string Folder => _folder.Path;

    public void Dispose() => _folder.Dispose();

    protected override IRecordStore Create(int largestRecord) => LogRecordStore.Create(Disk, Folder, Identity, Options);

    protected override IRecordStore Open(ReadOnlyMemory<byte> token, int largestRecord)
        => LogRecordStore.Open(Disk, Folder, Identity, token, Options);

    protected override void Crash(IRecordStore store) => store.Dispose();
}
