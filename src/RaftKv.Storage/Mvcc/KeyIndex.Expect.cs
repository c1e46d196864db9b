namespace RaftKv.Storage.Mvcc;

/// <summary>
/// Fetching into the cache what the next changes will touch. With a million keys the leaf of a random one is in main
/// memory: five or six places, each found through the one before, and the processor waits for each. Looking for several
/// keys at once, it waits for all of them together.
/// </summary>
public sealed partial class KeyIndex
{
    /// <summary>How many keys are worth being announced at once: as many as the processor fetches at a time, and few
    /// enough to be still in the nearest cache when they are needed.</summary>
    public const int ExpectedMax = 16;

    private readonly Page?[] _expected = new Page?[ExpectedMax];

    /// <summary>Some keys are about to be changed. Changes nothing but how long that takes.</summary>
    /// <param name="keys">At most <see cref="ExpectedMax"/>.</param>
    public void Expect(ReadOnlySpan<ReadOnlyMemory<byte>> keys)
    {
        if (_root.IsLeaf)
        {
            return;
        }

        for (var i = 0; i < keys.Length; i++)
        {
            _expected[i] = _root.LeafFor(keys[i].Span);
            _expected[i]!.Fetch();
        }

        for (var i = 0; i < keys.Length; i++)
        {
            _expected[i]!.FetchSlots();
        }

        for (var i = 0; i < keys.Length; i++)
        {
            _expected[i]!.FetchEntry(keys[i].Span);
            _expected[i] = null;
        }
    }
}
