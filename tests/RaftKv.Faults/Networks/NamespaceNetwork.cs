using System.Globalization;
using RaftKv.Stores;

namespace RaftKv.Faults.Networks;

/// <summary>
/// Each member in a network namespace of its own, on one bridge with this machine. A way is cut by giving the sender a wrong
/// hardware address of the receiver: that of a port of the bridge where nobody listens, and which counts what comes. So
/// packets vanish in silence, as they do behind a filter, and the tools are those that every machine has.
/// </summary>
internal sealed class NamespaceNetwork : INetwork
{
    private const int ClientPort = 2379;
    private const int PeerPort = 2380;

    private static int _runs;

    // Of its own for each run: the kernel takes its time to remove what belonged to the one before.
    private readonly string _prefix = string.Create(CultureInfo.InvariantCulture, $"rk{Environment.ProcessId}x{Interlocked.Increment(ref _runs)}");
    private readonly string _subnet = string.Create(CultureInfo.InvariantCulture, $"10.{200 + (Environment.ProcessId / 250 % 50)}.{Environment.ProcessId % 250}");
    private readonly string _folder;
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly HashSet<(string From, string To)> _cuts = [];

    private NamespaceNetwork(string folder) => _folder = folder;

    public string Name => "namespaces";

    public bool HasQualities => false;

    public long Hits => File.Exists(SinkCounter) ? long.Parse(File.ReadAllText(SinkCounter), CultureInfo.InvariantCulture) : 0;

    private string Bridge => $"{_prefix}br";

    private string SinkPort => $"{_prefix}s0";

    private string Sink => $"{_prefix}s1";

    private string SinkCounter => $"/sys/class/net/{Sink}/statistics/rx_packets";

    /// <summary>Why this machine has none; null if it has.</summary>
    public static async Task<string?> FindObstacleAsync()
    {
        if (Environment.UserName != "root")
        {
            return "network namespaces need root";
        }

        if (StoreProgram.FindOnPath("ip") is null || StoreProgram.FindOnPath("bridge") is null)
        {
            return "the programs 'ip' and 'bridge' are missing (Debian's package 'iproute2')";
        }

        var probe = string.Create(CultureInfo.InvariantCulture, $"rk{Environment.ProcessId}p");
        var (code, _, error) = await Shell.TryAsync("ip", "netns", "add", probe);
        if (code != 0)
        {
            return $"'ip netns add' is refused: {error.Trim()}";
        }

        await Shell.TryAsync("ip", "netns", "del", probe);
        return null;
    }

    public static async Task<NamespaceNetwork> CreateAsync(string folder)
    {
        await RemoveLeftoversAsync();
        var network = new NamespaceNetwork(folder);
        await Shell.RunAsync("ip", "link", "add", network.Bridge, "type", "bridge");
        await Shell.RunAsync("ip", "addr", "add", $"{network._subnet}.1/24", "dev", network.Bridge);
        await Shell.RunAsync("ip", "link", "set", network.Bridge, "up");
        await Shell.RunAsync("ip", "link", "add", network.SinkPort, "type", "veth", "peer", "name", network.Sink);
        await Shell.RunAsync("ip", "link", "set", network.SinkPort, "master", network.Bridge, "up");
        await Shell.RunAsync("ip", "link", "set", network.Sink, "up");
        await Shell.RunAsync("bridge", "fdb", "replace", SinkAddress, "dev", network.SinkPort, "master", "static");
        return network;
    }

    public MemberPlace Place(string name)
    {
        // Two members never share an address, so that nobody is taken for one that was removed.
        var number = _numbers.Count + 11;
        _numbers.Add(name, number);
        SetUpAsync(name, number).GetAwaiter().GetResult();
        return new()
        {
            Name = name,
            Folder = Path.Combine(_folder, name),
            Client = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://{Address(name)}:{ClientPort}")),
            Peer = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://{Address(name)}:{PeerPort}")),
            Launcher = ["ip", "netns", "exec", Space(name)],
        };
    }

    public async Task CutAsync(string from, string to)
    {
        _cuts.Add((from, to));
        await Shell.RunAsync("ip", "-n", Space(from), "neigh", "replace", Address(to), "lladdr", SinkAddress, "dev", "eth0", "nud", "permanent");
    }

    public Task ChangeAsync(string from, string to, LinkQuality quality)
        => throw new NotSupportedException("Links between namespaces are cut or not; slow ones need the network 'proxies'.");

    public async Task HealAsync()
    {
        foreach (var (from, to) in _cuts)
        {
            await Shell.RunAsync("ip", "-n", Space(from), "neigh", "del", Address(to), "dev", "eth0");
        }

        _cuts.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var name in _numbers.Keys)
        {
            await Shell.TryAsync("ip", "netns", "del", Space(name));
        }

        await Shell.TryAsync("ip", "link", "del", SinkPort);
        await Shell.TryAsync("ip", "link", "del", Bridge);
    }

    // Of the range that everybody may use for himself.
    private const string SinkAddress = "02:00:00:00:00:99";

    private string Space(string name) => $"{_prefix}{name}";

    private string Address(string name) => string.Create(CultureInfo.InvariantCulture, $"{_subnet}.{_numbers[name]}");

    private async Task SetUpAsync(string name, int number)
    {
        var port = string.Create(CultureInfo.InvariantCulture, $"{_prefix}v{number}");
        await Shell.RunAsync("ip", "netns", "add", Space(name));
        await Shell.RunAsync("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", Space(name));
        await Shell.RunAsync("ip", "link", "set", port, "master", Bridge, "up");
        await Shell.RunAsync("ip", "-n", Space(name), "addr", "add", $"{Address(name)}/24", "dev", "eth0");
        await Shell.RunAsync("ip", "-n", Space(name), "link", "set", "eth0", "up");
        await Shell.RunAsync("ip", "-n", Space(name), "link", "set", "lo", "up");
    }

    /// <summary>A run that was killed leaves its network behind.</summary>
    private static async Task RemoveLeftoversAsync()
    {
        var (_, spaces, _) = await Shell.TryAsync("ip", "netns", "list");
        foreach (var space in spaces.Split('\n').Select(line => line.Split(' ')[0]).Where(IsLeftover))
        {
            await Shell.TryAsync("ip", "netns", "del", space);
        }

        foreach (var link in Directory.GetDirectories("/sys/class/net").Select(path => Path.GetFileName(path)).Where(IsLeftover))
        {
            await Shell.TryAsync("ip", "link", "del", link);
        }
    }

    private static bool IsLeftover(string name)
    {
        var digits = name.StartsWith("rk", StringComparison.Ordinal) ? new string([.. name[2..].TakeWhile(char.IsAsciiDigit)]) : "";
        return digits.Length > 0 && !Directory.Exists($"/proc/{digits}");
    }
}
