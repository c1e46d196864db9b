using System.Runtime.InteropServices;

namespace RaftKv.Storage.Files;

/// <summary>What .NET and the operating system throw, in the words of <see cref="StorageException"/>.</summary>
internal static class Errors
{
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsSharingViolation = unchecked((int)0x80070020);

    /// <summary>Whether the exception is the disk's answer, rather than a mistake of ours that must surface as it is.</summary>
    public static bool IsRefusal(Exception exception) => exception is IOException or UnauthorizedAccessException;

    public static StorageException Translate(string operation, string path, Exception refusal)
    {
        if (IsDiskFull(refusal))
        {
            return new DiskFullException(path, refusal);
        }

        return new FileOperationException(operation, path, ErrnoOf(refusal), refusal.Message, refusal);
    }

    public static StorageException OfErrno(string operation, string path, int errno)
        => errno is Posix.Enospc or Posix.Edquot
            ? new DiskFullException(path)
            : new FileOperationException(operation, path, errno, Marshal.GetPInvokeErrorMessage(errno));

    /// <summary>On Unix .NET leaves the error number in HResult, unless it has a name of its own for the case.</summary>
    public static int ErrnoOf(Exception refusal) => refusal.HResult > 0 ? refusal.HResult : 0;

    public static bool IsSharingViolation(IOException refusal)
        => refusal.HResult == WindowsSharingViolation
            || (refusal.HResult == (OperatingSystem.IsMacOS() ? 35 : 11) && !OperatingSystem.IsWindows()); // EWOULDBLOCK

    private static bool IsDiskFull(Exception refusal)
        => OperatingSystem.IsWindows()
            ? refusal.HResult is WindowsDiskFull or WindowsHandleDiskFull
            : refusal.HResult is Posix.Enospc or WindowsDiskFull
                || (OperatingSystem.IsLinux() && refusal.HResult == Posix.Edquot);
}
