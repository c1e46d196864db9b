using RaftKv.Stores;

namespace RaftKv.Faults.Networks;

/// <summary>What a link between two members is like.</summary>
/// <param name="Delay">That everything takes longer.</param>
/// <param name="BytesPerSecond">What comes through; 0: all.</param>
/// <param name="FlipChance">That a byte of a piece is not what was sent.</param>
/// <param name="ResetChance">That a piece is the last of its connection.</param>
internal sealed record LinkQuality(TimeSpan Delay = default, long BytesPerSecond = 0, double FlipChance = 0, double ResetChance = 0);

/// <summary>The network between members, which can be cut, each way by itself. What is cut is lost in silence.</summary>
internal interface INetwork : IStoreGround, IAsyncDisposable
{
    string Name { get; }

    /// <summary>Whether links can be made slow and unreliable.</summary>
    bool HasQualities { get; }

    /// <summary>What was lost, damaged or held back so far: packets, or pieces of streams.</summary>
    long Hits { get; }

    /// <summary>Loses what one member sends to another.</summary>
    Task CutAsync(string from, string to);

    /// <summary>Makes the way from one member to another worse.</summary>
    Task ChangeAsync(string from, string to, LinkQuality quality);

    /// <summary>Mends everything.</summary>
    Task HealAsync();
}
