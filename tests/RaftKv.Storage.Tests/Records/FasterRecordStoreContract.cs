using RaftKv.Simulation.Disks;
using RaftKv.Storage.Files;
using RaftKv.Storage.Records;
using RaftKv.Storage.Records.Faster;

namespace RaftKv.Storage.Tests.Records;

/// <summary>With so little memory that most records are read from the disk.</summary>
public sealed class PhysicalFasterRecordStoreContract : RecordStoreContract, IDisposable
{
    private const ulong Identity = 0xFEED;

    private readonly TemporaryFolder _folder = new();

    protected override IFileSystem Disk { get; } = new PhysicalFileSystem();

    protected override string Folder => _folder.Path;

    public void Dispose() => _folder.Dispose();

    internal static FasterRecordStoreOptions OptionsFor(int largestRecord)
    {
        var options = new FasterRecordStoreOptions { LargestRecordBytes = largestRecord, IndexBytes = 4096, ReservedPages = 1 };
        return options with { MemoryBytes = 4L * options.PageBytes, SegmentBytes = 2L * options.PageBytes };
    }

    protected override IRecordStore Create(int largestRecord)
        => FasterRecordStore.Create(Disk, Folder, Identity, OptionsFor(largestRecord));

    protected override IRecordStore Open(ReadOnlyMemory<byte> token, int largestRecord)
        => FasterRecordStore.Open(Disk, Folder, Identity, token, OptionsFor(largestRecord));

    protected override void Crash(IRecordStore store) => store.Dispose();
}

public sealed class SimulatedFasterRecordStoreContract : RecordStoreContract
{
    private const ulong Identity = 0xFEED;

    private readonly SimulatedFileSystem _disk = new(seed: 1);

    public SimulatedFasterRecordStoreContract()
    {
        _disk.CreateDirectory(Folder);
        Disk = new OneAtATime(_disk);
    }

    protected override IFileSystem Disk { get; }

    protected override string Folder => "/records";

    protected override IRecordStore Create(int largestRecord)
        => FasterRecordStore.Create(Disk, Folder, Identity, PhysicalFasterRecordStoreContract.OptionsFor(largestRecord));

    protected override IRecordStore Open(ReadOnlyMemory<byte> token, int largestRecord)
        => FasterRecordStore.Open(Disk, Folder, Identity, token, PhysicalFasterRecordStoreContract.OptionsFor(largestRecord));

    protected override void Crash(IRecordStore store)
    {
        store.Dispose();
        _disk.SyncDirectory("/");
        _disk.Crash();
    }
}
