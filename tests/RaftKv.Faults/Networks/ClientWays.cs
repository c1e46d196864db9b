using RaftKv.Stores;

namespace RaftKv.Faults.Networks;

/// <summary>
/// The ways of clients to members: a proxy before each member's client port, which is what the member advertises, too.
/// </summary>
internal sealed class ClientWays(IStoreGround ground) : IStoreGround, IAsyncDisposable
{
    private static readonly TimeSpan LongestUnderWay = TimeSpan.FromMilliseconds(5);

    private readonly Lock _gate = new();
    private readonly List<ClientProxy> _proxies = [];
    private Random _chance = new(0);
    private double _answersLost;
    private double _requestsLeft;
    private long _hits;

    /// <summary>How many answers were lost, and connections cut.</summary>
    public long Hits => Interlocked.Read(ref _hits);

    /// <summary>Connections that there are now.</summary>
    public int Connections => _proxies.Sum(proxy => proxy.Connections);

    public MemberPlace Place(string name)
    {
        var place = ground.Place(name);
        var proxy = new ClientProxy(place.Client, this);
        lock (_gate)
        {
            _proxies.Add(proxy);
        }

        return place with { Client = new Uri($"http://127.0.0.1:{proxy.Port}"), ListenClient = place.Client };
    }

    /// <summary>From now on connections end instead of carrying an answer, or soon after they carried a request.</summary>
    /// <param name="answers">The chance of each piece with an answer in it.</param>
    /// <param name="requests">The chance of each piece that a client sends.</param>
    /// <param name="seed">Of that chance.</param>
    public void LoseAnswers(double answers, double requests, int seed)
    {
        lock (_gate)
        {
            (_answersLost, _requestsLeft, _chance) = (answers, requests, new Random(seed));
        }
    }

    /// <summary>All answers come through again.</summary>
    public void Mend() => LoseAnswers(0, 0, seed: 0);

    /// <summary>Breaks all connections.</summary>
    /// <returns>How many there were.</returns>
    public int DropAll()
    {
        var dropped = Connections;
        Interlocked.Add(ref _hits, dropped);
        lock (_gate)
        {
            _proxies.ForEach(proxy => proxy.Cut());
        }

        return dropped;
    }

    /// <summary>When the connection that carries this piece ends; null if it goes on.</summary>
    public TimeSpan? DrawLoss(bool isAnswer)
    {
        lock (_gate)
        {
            if (_chance.NextDouble() >= (isAnswer ? _answersLost : _requestsLeft))
            {
                return null;
            }

            Interlocked.Increment(ref _hits);
            return isAnswer ? TimeSpan.Zero : LongestUnderWay * _chance.NextDouble();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var proxy in _proxies)
        {
            await proxy.DisposeAsync();
        }
    }
}
