using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace RaftKv.Storage.Files;

/// <summary>A file on the disk of the machine; see <see cref="IFile"/> for what it promises.</summary>
internal sealed class PhysicalFile(string path, SafeFileHandle handle) : IFile
{
    // Only where the file system cannot reserve by itself.
    private const int ZeroChunkBytes = 64 * 1024;

    // Whether the C library and the kernel know of readings that do not wait; off_t is known to have 64 bits where pointers do.
    private static volatile bool _readsCached = OperatingSystem.IsLinux() && Environment.Is64BitProcess;

    private readonly SafeFileHandle _handle = handle;

    // Set once, by the first failed sync, and thrown by everything after it that would write.
    private FileSyncFailedException? _poison;

    public string Path { get; } = path;

    public long Length
    {
        get
        {
            try
            {
                return RandomAccess.GetLength(_handle);
            }
            catch (Exception refusal) when (Errors.IsRefusal(refusal))
            {
                throw Errors.Translate("measure", Path, refusal);
            }
        }
    }

    public int ReadAt(long offset, Span<byte> destination)
    {
        var total = 0;
        try
        {
            while (total < destination.Length)
            {
                var read = RandomAccess.Read(_handle, destination[total..], offset + total);
                if (read == 0)
                {
                    break;
                }

                total += read;
            }
        }
        catch (Exception refusal) when (Errors.IsRefusal(refusal))
        {
            throw Errors.Translate("read", Path, refusal);
        }

        return total;
    }

    public unsafe int ReadCachedAt(long offset, Span<byte> destination)
    {
        if (!_readsCached)
        {
            return 0;
        }

        try
        {
            fixed (byte* start = destination)
            {
                var vector = new Posix.Vector(start, (nuint)destination.Length);
                return (int)Math.Max(0, Posix.ReadVectors(_handle, &vector, count: 1, offset, Posix.NoWait));
            }
        }
        catch (EntryPointNotFoundException)
        {
            _readsCached = false;
            return 0;
        }
    }

    public void WriteAt(long offset, ReadOnlySpan<byte> bytes)
    {
        ThrowIfPoisoned();
        try
        {
            RandomAccess.Write(_handle, bytes, offset);
        }
        catch (Exception refusal) when (Errors.IsRefusal(refusal))
        {
            throw Errors.Translate("write", Path, refusal);
        }
    }

    public void BeginToSync(long offset, long count)
    {
        // What comes of it the next sync will find.
        if (OperatingSystem.IsLinux() && Environment.Is64BitProcess)
        {
            _ = Posix.SyncFileRange(_handle, offset, count, Posix.BeginWriting);
        }
    }

    public void Truncate(long length)
    {
        ThrowIfPoisoned();
        try
        {
            RandomAccess.SetLength(_handle, length);
        }
        catch (Exception refusal) when (Errors.IsRefusal(refusal))
        {
            throw Errors.Translate("truncate", Path, refusal);
        }
    }

    public void Preallocate(long length)
    {
        ThrowIfPoisoned();
        if (OperatingSystem.IsLinux())
        {
            var before = Length;
            int result;
            do
            {
                result = Posix.Fallocate(_handle, mode: 0, offset: 0, length);
            }
            while (result != 0 && Marshal.GetLastPInvokeError() == Posix.Eintr);

            if (result == 0)
            {
                return;
            }

            var errno = Marshal.GetLastPInvokeError();
            if (errno is not (Posix.Eopnotsupp or Posix.Enosys))
            {
                // ext4 keeps what it could get before it ran out, length included; a refusal must not fill the disk.
                if (Length > before)
                {
                    Truncate(before);
                }

                throw Errors.OfErrno("reserve room for", Path, errno);
            }
        }

        // No reservation to be had: zeros that are written are the only room that is certain.
        var zeros = new byte[ZeroChunkBytes];
        for (var end = Length; end < length;)
        {
            var chunk = (int)Math.Min(zeros.Length, length - end);
            WriteAt(end, zeros.AsSpan(0, chunk));
            end += chunk;
        }
    }

    public void Sync()
    {
        ThrowIfPoisoned();
        if (!OperatingSystem.IsLinux())
        {
            SyncEverywhereElse();
            return;
        }

        // A signal may interrupt before anything was attempted; that is the one error that may be asked again.
        int result;
        do
        {
            result = Posix.Fdatasync(_handle);
        }
        while (result != 0 && Marshal.GetLastPInvokeError() == Posix.Eintr);

        if (result != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            Poison(errno, Marshal.GetPInvokeErrorMessage(errno));
        }
    }

    public void Dispose() => _handle.Dispose();

    private void SyncEverywhereElse()
    {
        try
        {
            RandomAccess.FlushToDisk(_handle);
        }
        catch (Exception refusal) when (Errors.IsRefusal(refusal))
        {
            Poison(Errors.ErrnoOf(refusal), refusal.Message);
        }
    }

    private void Poison(int errno, string reason)
    {
        _poison = new FileSyncFailedException(Path, errno, reason);
        throw _poison;
    }

    private void ThrowIfPoisoned()
    {
        if (_poison is { } poison)
        {
            throw new FileSyncFailedException(Path, poison.Errno, poison.Reason);
        }
    }
}
