using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace RaftKv.Load;

/// <summary>A cluster of real processes on this machine, in folders of its own.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    private readonly List<Process> _members = [];
    private readonly string _folder;

    private Cluster(string kind, string folder)
    {
        Kind = kind;
        _folder = folder;
    }

    public string Kind { get; }

    /// <summary>The program to run; the one that was built beside this one if null.</summary>
    public static string? RaftKv { get; set; }

    public IReadOnlyList<IPEndPoint> Clients { get; private set; } = [];

    /// <summary>Seconds that all members have used a core.</summary>
    public double CpuSeconds => _members.Sum(CpuOf);

    /// <summary>Bytes of memory that all members hold now.</summary>
    public long ResidentBytes => _members.Sum(member => File.ReadLines($"/proc/{member.Id}/status")
        .Where(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))
        .Select(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024)
        .FirstOrDefault());

    public static async Task<Cluster> StartAsync(string kind, int members, string parent)
    {
        var folder = Directory.CreateDirectory(Path.Join(parent, $"raftkv-load-{kind}-{Environment.ProcessId}")).FullName;
        var ports = FreePorts(2 * members);
        var cluster = new Cluster(kind, folder)
        {
            Clients = [.. ports.Take(members).Select(port => new IPEndPoint(IPAddress.Loopback, port))],
        };
        var all = string.Join(",", Enumerable.Range(0, members).Select(i => $"m{i}=http://127.0.0.1:{ports[members + i]}"));
        for (var i = 0; i < members; i++)
        {
            string[] arguments =
            [
                "--name", $"m{i}", "--data-dir", Path.Join(folder, $"m{i}"),
                "--listen-client-urls", $"http://127.0.0.1:{ports[i]}", "--advertise-client-urls", $"http://127.0.0.1:{ports[i]}",
                "--listen-peer-urls", $"http://127.0.0.1:{ports[members + i]}",
                "--initial-advertise-peer-urls", $"http://127.0.0.1:{ports[members + i]}",
                "--initial-cluster", all, "--log-level", "error",
            ];
            var start = kind == "etcd"
                ? new ProcessStartInfo("etcd", [.. arguments, "--quota-backend-bytes", "8000000000"])
                : new ProcessStartInfo("dotnet", [RaftKv ?? RaftKvPath(), .. arguments, "--quota-backend-bytes", "8000000000"]);
            start.RedirectStandardOutput = true;
            start.RedirectStandardError = true;
            var member = Process.Start(start)!;
            member.OutputDataReceived += static (_, _) => { };
            member.ErrorDataReceived += (_, line) => Complain(kind, line.Data);
            member.BeginOutputReadLine();
            member.BeginErrorReadLine();
            cluster._members.Add(member);
        }

        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        var deadline = Stopwatch.StartNew();
        foreach (var client in cluster.Clients)
        {
            while (!await IsHealthyAsync(http, client))
            {
                if (deadline.Elapsed > TimeSpan.FromSeconds(30))
                {
                    throw new InvalidOperationException($"{kind} did not become healthy.");
                }

                await Task.Delay(100);
            }
        }

        return cluster;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var member in _members)
        {
            member.Kill();
            await member.WaitForExitAsync();
            member.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private static void Complain(string kind, string? line)
    {
        if (line is not null && kind != "etcd")
        {
            Console.Error.WriteLine(line);
        }
    }

    private static async Task<bool> IsHealthyAsync(HttpClient http, IPEndPoint client)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri($"http://{client}/health"));
            return answer.IsSuccessStatusCode;
        }
        catch (Exception failed) when (failed is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

    private static string RaftKvPath()
    {
        var here = AppContext.BaseDirectory.TrimEnd('/');
        return Path.Join(Path.GetDirectoryName(Path.GetDirectoryName(here)), "RaftKv.Cli", Path.GetFileName(here), "raftkv.dll");
    }

    private static double CpuOf(Process member)
    {
        var fields = File.ReadAllText($"/proc/{member.Id}/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / 100;
    }

    private static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ =>
        {
            var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            return listener;
        }).ToArray();
        var ports = listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port).ToArray();
        foreach (var listener in listeners)
        {
            listener.Dispose();
        }

        return ports;
    }
}
