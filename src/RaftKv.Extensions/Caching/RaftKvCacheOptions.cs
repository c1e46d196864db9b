namespace RaftKv.Extensions.Caching;

/// <summary>Where cached entries are, and how long they live where nobody says so.</summary>
public sealed record RaftKvCacheOptions
{
    /// <summary>What the keys of all entries begin with. Programs that are to share entries use the same one.</summary>
    public string Prefix { get; init; } = "cache/";

    /// <summary>How long an entry lives after its last use if it is set without an expiry. A store has no room for entries that never end.</summary>
    public TimeSpan UsualSlidingExpiration { get; init; } = TimeSpan.FromMinutes(20);

    /// <summary>Read what the next member has, however old: quicker, and an entry that was just removed may still be found.</summary>
    public bool ReadsLocally { get; init; }

    /// <summary>The clock by which entries expire.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
