using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace RaftKv.Cli.Commands.Accounts;

/// <summary>While it lives, the terminal does not show what is typed. Keys that were typed before a program reads them are shown
/// by the terminal itself, so this has to begin before anybody is asked.</summary>
internal sealed class UnseenTyping : IDisposable
{
    private const int StandardInput = 0;
    private const int Now = 0; // TCSANOW
    private const uint Echo = 8; // ECHO of Linux and macOS alike.
    private const int SettingsBytes = 256; // More than any system's.

    // Of what the system calls c_lflag, in its settings.
    private static readonly int FlagsAt = OperatingSystem.IsMacOS() ? 24 : 12;

    private readonly byte[]? _before;
    private readonly PosixSignalRegistration? _interrupt;

    public UnseenTyping()
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
        {
            return;
        }

        var settings = new byte[SettingsBytes];
        if (GetSettings(StandardInput, ref settings[0]) != 0)
        {
            return;
        }

        _before = (byte[])settings.Clone();
        settings[FlagsAt] &= unchecked((byte)~Echo);

        // Whoever gives up must not be left with a terminal that shows nothing.
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => Restore());
        _ = SetSettings(StandardInput, Now, ref settings[0]);
    }

    /// <summary>Whether the terminal could be told.</summary>
    public bool IsUnseen => _before is not null;

    /// <summary>The line that is typed, as the terminal hands it over; null if there is none. .NET's own reader would show it.</summary>
    public static string? ReadLine()
    {
        using var terminal = new SafeFileHandle(StandardInput, ownsHandle: false);
        using var input = new FileStream(terminal, FileAccess.Read, bufferSize: 0);
        return new LineReader(input).Read();
    }

    public void Dispose()
    {
        Restore();
        _interrupt?.Dispose();
    }

    private void Restore()
    {
        if (_before is not null)
        {
            _ = SetSettings(StandardInput, Now, ref _before[0]);
        }
    }

    // Blittable, so they need no generated code.
#pragma warning disable SYSLIB1054, CA5392
    [DllImport("libc", EntryPoint = "tcgetattr")]
    private static extern int GetSettings(int file, ref byte settings);

    [DllImport("libc", EntryPoint = "tcsetattr")]
    private static extern int SetSettings(int file, int when, ref byte settings);
#pragma warning restore SYSLIB1054, CA5392
}
