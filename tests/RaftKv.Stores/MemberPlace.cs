namespace RaftKv.Stores;

/// <summary>Where a member runs, and how it is reached.</summary>
public sealed record MemberPlace
{
    public required string Name { get; init; }

    /// <summary>The folder that holds its data, and nothing of others.</summary>
    public required string Folder { get; init; }

    /// <summary>Where it serves clients.</summary>
    public required Uri Client { get; init; }

    /// <summary>Where it listens for clients; elsewhere than <see cref="Client"/> if something stands in between.</summary>
    public Uri ListenClient { get => field ?? Client; init; }

    /// <summary>Where the others reach it.</summary>
    public required Uri Peer { get; init; }

    /// <summary>Where it listens for the others; elsewhere than <see cref="Peer"/> if something stands in between.</summary>
    public Uri ListenPeer { get => field ?? Peer; init; }

    /// <summary>A program that becomes the member, such as <c>ip netns exec NAME</c>, with its arguments.</summary>
    public IReadOnlyList<string> Launcher { get; init; } = [];
}

/// <summary>The ground that members of a store stand on: it says where the next one may be.</summary>
public interface IStoreGround
{
    MemberPlace Place(string name);
}

/// <summary>Ports of this machine that are free, and a folder.</summary>
public sealed class LocalGround(string folder) : IStoreGround
{
    public MemberPlace Place(string name)
    {
        var ports = FreePorts.Find(2);
        return new()
        {
            Name = name,
            Folder = Path.Combine(folder, name),
            Client = new Uri($"http://127.0.0.1:{ports[0]}"),
            Peer = new Uri($"http://127.0.0.1:{ports[1]}"),
        };
    }
}
