using System.Diagnostics;
using System.Globalization;
using RaftKv.Load;
using RaftKv.Stores;

namespace RaftKv.Compare.Contenders;

/// <summary>A cluster of real processes on this machine, in a folder of its own that goes when it goes.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    private readonly string _folder;

    private Cluster(string folder) => _folder = folder;

    public IReadOnlyList<Member> Members { get; private set; } = [];

    public IReadOnlyList<LoadEndpoint> Clients => [.. Members.Select(member => member.Client)];

    /// <summary>Seconds that all members have used a core.</summary>
    public double CpuSeconds => Members.Sum(member => member.CpuSeconds);

    /// <summary>Bytes of memory that all members hold now.</summary>
    public long ResidentBytes => Members.Sum(member => member.ResidentBytes);

    /// <summary>The most that each has ever held, added up.</summary>
    public long PeakResidentBytes => Members.Sum(member => member.PeakResidentBytes);

    /// <param name="contender">Whose members.</param>
    /// <param name="members">How many.</param>
    /// <param name="parent">Where the folder with all their data lies.</param>
    /// <returns>When all members answer.</returns>
    public static async Task<Cluster> StartAsync(Contender contender, int members, string parent)
    {
        var folder = Path.Join(parent, $"compare-{contender.Name}-{Environment.ProcessId}");
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        Directory.CreateDirectory(folder);
        // What this process has set for its own sockets is not for the members.
        string[] launcher = ["env", "-u", LoadProcess.InlineVariable];
        var ground = new LocalGround(folder);
        var places = Enumerable.Range(0, members).Select(i => ground.Place($"m{i}") with { Launcher = launcher }).ToList();
        var all = string.Join(",", places.Select(place => $"{place.Name}={Text(place.Peer)}"));
        var cluster = new Cluster(folder)
        {
            Members =
            [
                .. places.Select(place => new Member(
                    contender,
                    place,
                    [
                        "--name", place.Name, "--data-dir", place.Folder,
                        "--listen-client-urls", Text(place.Client), "--advertise-client-urls", Text(place.Client),
                        "--listen-peer-urls", Text(place.Peer), "--initial-advertise-peer-urls", Text(place.Peer),
                        "--initial-cluster", all, "--log-level", "error", "--quota-backend-bytes", "32000000000",
                    ])),
            ],
        };
        foreach (var member in cluster.Members)
        {
            member.Start();
        }

        try
        {
            foreach (var member in cluster.Members)
            {
                await member.ReadyAsync(TimeSpan.FromSeconds(60));
            }
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }

        return cluster;
    }

    private static string Text(Uri address) => address.GetLeftPart(UriPartial.Authority);

    /// <summary>Bytes that all their files take up, as du(1) counts them.</summary>
    public async Task<long> DiskBytesAsync()
    {
        using var process = Process.Start(new ProcessStartInfo("du", ["-s", "--block-size=1", _folder]) { RedirectStandardOutput = true })!;
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return long.Parse(text.Split('\t')[0], CultureInfo.InvariantCulture);
    }

    /// <summary>A file beside the members' data, so on the same disk.</summary>
    public string FileBeside(string name) => Path.Join(_folder, name);

    public async ValueTask DisposeAsync()
    {
        foreach (var member in Members)
        {
            await member.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }
}
