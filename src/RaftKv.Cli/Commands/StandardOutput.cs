using System.Runtime.InteropServices;

namespace RaftKv.Cli.Commands;

/// <summary>
/// Standard output where a reader who has gone is noticed. The runtime's own stream swallows what it cannot write, so
/// that behind <c>raftkv watch KEY | head -1</c> a watch would go on for nobody.
/// </summary>
internal sealed class StandardOutput : Stream
{
    private const int Descriptor = 1;
    private const int Interrupted = 4; // EINTR
    private const int BrokenPipe = 32; // EPIPE
    private const int WouldBlock = 11; // EAGAIN on Linux
    private const int WouldBlockElsewhere = 35; // EAGAIN on macOS

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="ReaderGoneException">Nobody reads the pipe any more.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var written = WriteBytes(Descriptor, ref MemoryMarshal.GetReference(buffer), buffer.Length);
            if (written >= 0)
            {
                buffer = buffer[(int)written..];
                continue;
            }

            var error = Marshal.GetLastPInvokeError();
            switch (error)
            {
                case Interrupted:
                    break;
                case WouldBlock or WouldBlockElsewhere:
                    // Somebody has made the descriptor non-blocking and does not read as fast as we write.
                    Thread.Sleep(Pause);
                    break;
                case BrokenPipe:
                    throw new ReaderGoneException();
                default:
                    throw new IOException($"standard output cannot be written: {Marshal.GetPInvokeErrorMessage(error)}", error);
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    // Blittable, so it needs no generated code.
#pragma warning disable SYSLIB1054, CA5392
    [DllImport("libc", EntryPoint = "write", SetLastError = true)]
    private static extern nint WriteBytes(int descriptor, ref byte buffer, nint count);
#pragma warning restore SYSLIB1054, CA5392
}

/// <summary>The reader of standard output has ended, and with it the reason to go on.</summary>
internal sealed class ReaderGoneException : Exception;
