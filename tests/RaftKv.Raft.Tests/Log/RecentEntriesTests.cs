using RaftKv.Raft.Log;

namespace RaftKv.Raft.Tests.Log;

public sealed class RecentEntriesTests
{
    [Fact]
    public void Behaves_like_a_list_and_never_changes_what_it_handed_out()
    {
        for (var seed = 0UL; seed < 30; seed++)
        {
            Compare(new Chance(seed));
        }
    }

    [Fact]
    public void What_is_appended_together_is_handed_out_without_copying()
    {
        var recent = new RecentEntries(LogPosition.Zero);
        var index = 0UL;
        for (var batch = 0; batch < 1000; batch++)
        {
            recent.StartBatch(60);
            for (var i = 0; i < 60; i++)
            {
                recent.Append(new Entry(1, ++index, EntryKind.Command, default));
            }

            var one = recent.Slice(index - 59, index, long.MaxValue);
            var other = recent.Slice(index - 59, index, long.MaxValue);

            // The first chunks are smaller than the batch.
            Assert.True(batch < 2 || one.Equals(other));
        }
    }

    private static void Compare(Chance chance)
    {
        var recent = new RecentEntries(new LogPosition(1, 10));
        var model = new List<Entry>();
        var dropped = 0;
        var term = 1UL;
        var handedOut = new List<(ReadOnlyMemory<Entry> Slice, Entry[] Copy)>();
        for (var step = 0; step < 1500; step++)
        {
            switch (chance.Between(0, 9))
            {
                case < 6:
                    var count = chance.Between(1, 200);
                    recent.StartBatch(count);
                    for (; count > 0; count--)
                    {
                        var entry = new Entry(term, recent.Last.Index + 1, EntryKind.Command, new byte[chance.Between(0, 50)]);
                        recent.Append(entry);
                        model.Add(entry);
                    }

                    break;

                case 6 when model.Count > dropped:
                    var from = dropped + (int)chance.Below((ulong)(model.Count - dropped));
                    recent.TruncateFrom(model[from].Index);
                    model.RemoveRange(from, model.Count - from);
                    term++;
                    break;

                case 7 when model.Count > dropped:
                    recent.DropFront(model[^1].Index, keepCount: 300, keepBytes: 20_000);
                    dropped = (int)(recent.Previous.Index - 10);
                    break;

                case > 7 when model.Count > dropped:
                    var first = dropped + (int)chance.Below((ulong)(model.Count - dropped));
                    var last = chance.Between(first, model.Count - 1);
                    var slice = recent.Slice(model[first].Index, model[last].Index, chance.Between(1, 5000));
                    Assert.True(slice.Length > 0);
                    Assert.Equal(model[first].Position, slice.Span[0].Position);
                    Assert.Equal(model[first + slice.Length - 1].Payload, slice.Span[^1].Payload);
                    handedOut.Add((slice, slice.ToArray()));
                    break;
            }

            Assert.Equal(model.Count > dropped ? model[^1].Position : recent.Previous, recent.Last);
            Assert.Equal(model.Skip(dropped).Sum(entry => (long)entry.CountedBytes), recent.Bytes);
            if (model.Count > dropped)
            {
                var any = dropped + (int)chance.Below((ulong)(model.Count - dropped));
                Assert.Equal(model[any].Term, recent.TermAt(model[any].Index));
            }
        }

        foreach (var (slice, copy) in handedOut)
        {
            for (var i = 0; i < copy.Length; i++)
            {
                Assert.Equal(copy[i].Position, slice.Span[i].Position);
            }
        }
    }
}
