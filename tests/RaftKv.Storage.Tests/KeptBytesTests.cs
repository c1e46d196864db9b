using System.Runtime.InteropServices;

namespace RaftKv.Storage.Tests;

public sealed class KeptBytesTests
{
    [Fact]
    public void Pieces_have_the_length_that_was_asked_for_and_nothing_in_common()
    {
        var room = new KeptBytes();
        var pieces = new List<Memory<byte>>();
        for (var i = 0; i < 2_000; i++)
        {
            var piece = room.Take(i % 700);
            Assert.Equal(i % 700, piece.Length);
            piece.Span.Fill((byte)(i % 251));
            pieces.Add(piece);
        }

        // Whoever wrote last has overwritten nobody.
        for (var i = 0; i < pieces.Count; i++)
        {
            Assert.False(pieces[i].Span.ContainsAnyExcept((byte)(i % 251)));
        }
    }

    [Fact]
    public void A_large_piece_does_not_end_what_small_ones_are_cut_from()
    {
        var room = new KeptBytes();
        var before = room.Take(100);
        var large = room.Take(1_000_000);
        var after = room.Take(100);
        Assert.Equal(1_000_000, large.Length);
        Assert.True(MemoryMarshal.TryGetArray<byte>(before, out var first));
        Assert.True(MemoryMarshal.TryGetArray<byte>(after, out var second));
        Assert.Same(first.Array, second.Array);
        Assert.Equal(first.Offset + 100, second.Offset);
    }

    [Fact]
    public void What_pieces_are_cut_from_is_of_the_oldest_generation()
    {
        Assert.True(MemoryMarshal.TryGetArray<byte>(new KeptBytes().Take(1), out var piece));
        Assert.Equal(GC.MaxGeneration, GC.GetGeneration(piece.Array!));
    }
}
