namespace RaftKv.FaultyMember.Disks;

/// <summary>Something changes on the disk; until it is disposed the power stays on.</summary>
internal readonly struct PoweredChange(ReaderWriterLock power) : IDisposable
{
    public void Dispose() => power.ReleaseReaderLock();
}
