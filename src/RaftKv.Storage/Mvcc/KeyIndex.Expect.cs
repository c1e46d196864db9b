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

    // One for each key: how far its walk has come, and which child is next.
    private readonly Page?[] _expected = new Page?[ExpectedMax];
    private readonly int[] _nextChild = new int[ExpectedMax];

    /// <summary>Some keys are about to be changed. Changes nothing but how long that takes.</summary>
    /// <remarks>All of them go down together, a level at a time. What one of them waits for at one step was asked for at
    /// the step before, and came while the others were looked at.</remarks>
    /// <param name="keys">At most <see cref="ExpectedMax"/>.</param>
    public void Expect(ReadOnlySpan<ReadOnlyMemory<byte>> keys)
    {
        var pages = _expected.AsSpan(0, keys.Length);
        var children = _nextChild.AsSpan(0, keys.Length);
        pages.Fill(_root);
        for (var level = _root.Level; level > 0; level--)
        {
            for (var i = 0; i < keys.Length; i++)
            {
                children[i] = pages[i]!.ChildFor(keys[i].Span);
                pages[i]!.FetchChild(children[i]);
            }

            for (var i = 0; i < keys.Length; i++)
            {
                pages[i] = pages[i]!.Child(children[i]);
                pages[i]!.Fetch();
            }

            foreach (var page in pages)
            {
                page!.FetchSlots();
                page.FetchPrefix();
            }
        }

        for (var i = 0; i < keys.Length; i++)
        {
            pages[i]!.FetchEntry(keys[i].Span);
        }

        // They may be gone from the index soon.
        pages.Clear();
    }
}
