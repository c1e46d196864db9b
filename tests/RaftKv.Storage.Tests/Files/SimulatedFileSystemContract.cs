using RaftKv.Simulation.Disks;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Tests.Files;

public sealed class SimulatedFileSystemContract : FileSystemContract
{
    public SimulatedFileSystemContract() => Disk.CreateDirectory("/data");

    protected override IFileSystem Disk { get; } = new SimulatedFileSystem(seed: 1);

    protected override string Folder => "/data";
}
