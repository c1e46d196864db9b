namespace RaftKv.Storage.Files;

/// <summary>
/// An open file. Writes are at explicit offsets (appending is writing at <see cref="Length"/>), and nothing written
/// survives a power cut for certain before <see cref="Sync"/> has returned.
/// </summary>
/// <remarks>
/// Unsynced writes may survive a power cut in part and out of order, but a 512-byte sector that is aligned in the file is
/// either as it was at some write or as it was before: it is never half of each. Formats on top may lean on that.
/// </remarks>
public interface IFile : IDisposable
{
    string Path { get; }

    long Length { get; }

    /// <summary>Fills <paramref name="destination"/> from an offset.</summary>
    /// <returns>How many bytes there were; fewer than asked only at the end of the file.</returns>
    int ReadAt(long offset, Span<byte> destination);

    /// <summary>As much of that as is in memory already, so that nobody waits for the disk.</summary>
    /// <returns>How many bytes there were; none where nobody can tell what would have to be waited for.</returns>
    int ReadCachedAt(long offset, Span<byte> destination) => 0;

    /// <summary>Writes all bytes at an offset, extending the file if needed; a gap reads as zeros.</summary>
    /// <exception cref="DiskFullException">There is no room. Some of the bytes may have been written.</exception>
    /// <exception cref="FileOperationException">The disk refused. Some of the bytes may have been written.</exception>
    /// <exception cref="FileSyncFailedException">An earlier sync of this file failed.</exception>
    void WriteAt(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>What was written there may go to the disk now. A hint: nothing is waited for, and nothing is durable before
    /// <see cref="Sync"/>, which then finds less to do, and keeps the disk from others for less long.</summary>
    void BeginToSync(long offset, long count)
    {
    }

    /// <summary>Sets the length. What is cut off is gone; what is added reads as zeros.</summary>
    void Truncate(long length);

    /// <summary>Extends the file to at least <paramref name="length"/> bytes, the new ones zero, with room on the disk set
    /// aside: later writes below that length do not fail for lack of space (unless the file system copies on
    /// write). Never shortens, never changes existing bytes.</summary>
    /// <exception cref="DiskFullException">There is no room; nothing that was there has changed.</exception>
    void Preallocate(long length);

    /// <summary>Makes all bytes written so far, and the length, durable: when it returns they survive a power cut. Does
    /// not make the file's name durable.</summary>
    /// <exception cref="FileSyncFailedException">What had been written since the last sync may or may not be durable, and
    /// nobody can find out: the kernel reports such a failure once and may drop the pages. Therefore the file is
    /// poisoned: every later write or sync throws the same again, and no retry can turn it into an acknowledgement.</exception>
    void Sync();
}
