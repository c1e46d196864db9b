using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace RaftKv.Storage.Files;

/// <summary>The calls of the C library that .NET has no equal for: fdatasync instead of a full flush, a sync of a
/// directory, a reservation of blocks in a file that is open, reading and writing that do not
/// wait.</summary>
internal static partial class Posix
{
    public const int Eintr = 4;
    public const int Eio = 5;
    public const int Enosys = 38; // Linux's number, as those below; they are compared on Linux only.
    public const int Eopnotsupp = 95;
    public const int Enospc = 28;
    public const int Edquot = 122;

    // RWF_NOWAIT: what is not in the page cache is not waited for.
    public const int NoWait = 8;

    // SYNC_FILE_RANGE_WRITE: writing begins, and nobody waits for its end.
    public const uint BeginWriting = 2;

    // O_CLOEXEC has another value on each system. Without it a child process could inherit a descriptor that lives for
    // microseconds and was opened to read: harmless, so only Linux gets the flag.
    public static readonly int OpenReadOnlyCloseOnExec = OperatingSystem.IsLinux() ? 0x80000 : 0;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int CloseDescriptor(int descriptor);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int FsyncDescriptor(int descriptor);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    public static partial int Fdatasync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    public static partial int Fallocate(SafeFileHandle file, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "preadv2")]
    public static unsafe partial nint ReadVectors(SafeFileHandle file, Vector* vectors, int count, long offset, int flags);

    [LibraryImport("libc", EntryPoint = "sync_file_range")]
    public static partial int SyncFileRange(SafeFileHandle file, long offset, long count, uint flags);

    /// <summary>A struct iovec.</summary>
    public unsafe readonly struct Vector(byte* start, nuint length)
    {
        public readonly byte* Start = start;
        public readonly nuint Length = length;
    }
}
