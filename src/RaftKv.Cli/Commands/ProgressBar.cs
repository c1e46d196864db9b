using System.Diagnostics;
using System.Globalization;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Commands;

/// <summary>How far long work has come, with its rate and the time left: one line of standard error, if that is a terminal.</summary>
/// <example><code>
/// using var bar = new ProgressBar(session.Console, "keys", total: 10_000);
/// bar.Show(done);
/// </code></example>
internal sealed class ProgressBar(ClientConsole console, string unit, long total) : IDisposable
{
    private const int Width = 30;

    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(200);

    private readonly long _started = Stopwatch.GetTimestamp();
    private TimeSpan _shownAt = -Pace;
    private int _length;

    public void Show(long done)
    {
        var elapsed = Stopwatch.GetElapsedTime(_started);
        if (!console.ErrorIsTerminal || elapsed - _shownAt < Pace)
        {
            return;
        }

        _shownAt = elapsed;
        var text = Line(done, total, unit, elapsed);
        console.Error.Write($"\r{text.PadRight(_length)}");
        console.Error.Flush();
        _length = text.Length;
    }

    /// <summary>Takes the line away.</summary>
    public void Dispose()
    {
        if (_length > 0)
        {
            console.Error.Write($"\r{new string(' ', _length)}\r");
            console.Error.Flush();
        }
    }

    internal static string Line(long done, long total, string unit, TimeSpan elapsed)
    {
        var share = total == 0 ? 1 : Math.Clamp((double)done / total, 0, 1);
        var rate = elapsed > TimeSpan.Zero ? done / elapsed.TotalSeconds : 0;
        var left = rate > 0 ? GoDuration.Format(TimeSpan.FromSeconds(Math.Ceiling(Math.Max(0, total - done) / rate))) : "?";
        var filled = (int)(share * Width);
        return string.Create(
            CultureInfo.InvariantCulture, $"[{new string('#', filled)}{new string('.', Width - filled)}] {share:P0} {rate:N0} {unit}/s, {left} left");
    }
}
