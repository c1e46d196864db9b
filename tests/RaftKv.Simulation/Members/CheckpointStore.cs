using RaftKv.Raft.Log;
using RaftKv.Simulation.Disks;

namespace RaftKv.Simulation.Members;

/// <summary>The state machine on disk: one file, replaced as a whole. Written beside, synced, renamed, the name synced.</summary>
internal sealed class CheckpointStore(IMemberWorld world, MemberFaults faults)
{
    public const string Directory = "/state";

    private const string Name = Directory + "/checkpoint";
    private const string Unfinished = Directory + "/checkpoint.new";

    private SimulatedFileSystem Disk => world.Disk;

    /// <summary>Begins to write; the disk is done at <see cref="SimulatedFileSystem.BusyUntil"/>.</summary>
    public void Write(byte[] bytes)
    {
        if (Disk.FileExists(Unfinished))
        {
            Disk.Delete(Unfinished);
        }

        using (var file = Disk.CreateFile(Unfinished))
        {
            file.WriteAt(0, bytes);
            world.Pass(Failpoint.AfterCheckpointWritten);
            file.Sync();
        }

        Disk.Rename(Unfinished, Name);
        world.Pass(Failpoint.AfterCheckpointRenamed);
        if (!faults.SkipsDirectorySync)
        {
            Disk.SyncDirectory(Directory);
        }
    }

    /// <summary>Fills the machine with what was written last; leaves it empty if nothing ever was.</summary>
    /// <exception cref="StartRefusedException">The checkpoint is damaged.</exception>
    public void ReadInto(RegisterMachine machine)
    {
        if (!Disk.FileExists(Name))
        {
            return;
        }

        using var file = Disk.OpenFile(Name);
        var bytes = new byte[file.Length];
        file.ReadAt(0, bytes);
        if (!machine.TryDecode(bytes))
        {
            throw new StartRefusedException("the checkpoint is damaged");
        }

        // The process before may have died between rename and sync: what is relied on from here on must be certain.
        file.Sync();
        if (!faults.SkipsDirectorySync)
        {
            Disk.SyncDirectory(Directory);
        }
    }

    public static MemberState StateOf(RegisterMachine machine, LogPosition claimed)
        => new(claimed, machine.Config, machine.Encode(claimed));
}
