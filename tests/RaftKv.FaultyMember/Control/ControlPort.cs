using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using RaftKv.FaultyMember.Disks;

namespace RaftKv.FaultyMember.Control;

/// <summary>
/// A socket in the member's folder. Each line asks for a fault and is answered with a line: <c>ok</c> and a number, or
/// <c>no</c> and why not.
/// </summary>
internal sealed class ControlPort : IDisposable
{
    public const string FileName = "faults.sock";

    private readonly Socket _listener;
    private readonly FaultyFileSystem _disk;
    private readonly FaultyClock _clock;

    private ControlPort(Socket listener, FaultyFileSystem disk, FaultyClock clock)
    {
        _listener = listener;
        _disk = disk;
        _clock = clock;
    }

    public static ControlPort Open(string path, FaultyFileSystem disk, FaultyClock clock)
    {
        File.Delete(path);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        var port = new ControlPort(listener, disk, clock);

        // A thread of its own: it must be heard when all others are busy.
        new Thread(port.Serve) { Name = "faults", IsBackground = true }.Start();
        return port;
    }

    public void Dispose() => _listener.Dispose();

    private void Serve()
    {
        try
        {
            while (true)
            {
                ServeOne(_listener.Accept());
            }
        }
        catch (Exception over) when (over is SocketException or ObjectDisposedException)
        {
            // The program ends.
        }
    }

    private void ServeOne(Socket connection)
    {
        try
        {
            using var stream = new NetworkStream(connection, ownsSocket: true);
            using var reader = new StreamReader(stream);
            using var writer = new StreamWriter(stream) { AutoFlush = true };
            while (reader.ReadLine() is { } line)
            {
                writer.WriteLine(Answer(line, writer));
            }
        }
        catch (IOException)
        {
            // Whoever asked is gone.
        }
    }

    private string Answer(string line, StreamWriter writer)
    {
        try
        {
            return line.Split(' ') switch
            {
                ["cut", var seed, var what] => Cut(Number(seed), what == "all", writer),
                ["sync-fails", var count] => Did(() => _disk.Syncs.FailNext(Number(count))),
                ["sync-takes", var milliseconds] => Did(() => _disk.Syncs.Delay(Number(milliseconds))),
                ["sync-lies"] => Did(_disk.Syncs.Lie),
                ["sync-hits"] => Ok(_disk.Syncs.Hits),
                ["jump", var milliseconds] => Did(() => _clock.Jump(TimeSpan.FromMilliseconds(Real(milliseconds)))),
                ["rate", var rate] => Did(() => _clock.RunAt(Real(rate))),
                ["starve", var milliseconds] => Did(() => RuntimeTrouble.StarvePool(Number(milliseconds))),
                ["collect", var times] => Did(() => RuntimeTrouble.Collect(Number(times))),
                _ => $"no '{line}' is no fault",
            };
        }
        catch (Exception mistake) when (mistake is FormatException or ArgumentException or OverflowException)
        {
            return $"no {mistake.Message}";
        }
    }

    private string Cut(int seed, bool all, StreamWriter writer)
    {
        writer.WriteLine(Ok(_disk.Cut(new Random(seed), all)));
        Process.GetCurrentProcess().Kill();
        return Ok(0);
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static double Real(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static string Did(Action fault)
    {
        fault();
        return Ok(1);
    }

    private static string Ok(long number) => string.Create(CultureInfo.InvariantCulture, $"ok {number}");
}
