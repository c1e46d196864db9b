using System.Collections.Concurrent;
using RaftKv.Stores;

namespace RaftKv.Faults.Networks;

/// <summary>
/// All members on this machine's own address, and a proxy before each one's peer port. It needs no rights, and can do what no
/// packet filter does: delay, throttle, hold back without an end, damage bytes, reset.
/// </summary>
internal sealed class ProxyNetwork(string folder) : INetwork
{
    private readonly LocalGround _ground = new(folder);
    private readonly List<PeerProxy> _proxies = [];
    private readonly ConcurrentDictionary<(string From, string To), LinkQuality> _qualities = new();
    private readonly ConcurrentDictionary<(string From, string To), bool> _cuts = new();
    private long _hits;

    public string Name => "proxies";

    public bool HasQualities => true;

    public long Hits => Interlocked.Read(ref _hits);

    /// <summary>Who runs as which process: how a proxy knows whose connection it has. Set when the members are there.</summary>
    public Func<IEnumerable<(string Name, int ProcessId)>> Processes { get; set; } = () => [];

    public MemberPlace Place(string name)
    {
        var place = _ground.Place(name);
        var proxy = new PeerProxy(name, place.Peer.Port, this);
        _proxies.Add(proxy);
        return place with { Peer = new Uri($"http://127.0.0.1:{proxy.Port}"), ListenPeer = place.Peer };
    }

    public Task CutAsync(string from, string to)
    {
        _cuts[(from, to)] = true;
        return Task.CompletedTask;
    }

    public Task ChangeAsync(string from, string to, LinkQuality quality)
    {
        _qualities[(from, to)] = quality;
        return Task.CompletedTask;
    }

    public Task HealAsync()
    {
        _cuts.Clear();
        _qualities.Clear();
        return Task.CompletedTask;
    }

    public bool IsCut(string? from, string? to) => from is not null && to is not null && _cuts.ContainsKey((from, to));

    public LinkQuality? Quality(string? from, string? to) => from is not null && to is not null ? _qualities.GetValueOrDefault((from, to)) : null;

    public void Hit() => Interlocked.Increment(ref _hits);

    public async ValueTask DisposeAsync()
    {
        foreach (var proxy in _proxies)
        {
            await proxy.DisposeAsync();
        }
    }
}
