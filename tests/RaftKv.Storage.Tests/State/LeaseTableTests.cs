using RaftKv.Raft;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Tests.State;

public sealed class LeaseTableTests
{
    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 40).Select(seed => (ulong)seed)];

    [Fact]
    public void A_lease_is_granted_once()
    {
        var table = new LeaseTable();
        Assert.Equal(StateError.None, table.Grant(7, 60));
        Assert.Equal(StateError.LeaseExists, table.Grant(7, 60));
        Assert.True(table.TryGet(7, out var lease));
        Assert.Equal((7, 60, 0, 60), (lease.Id, lease.Ttl, lease.RemainingTtl, lease.TtlForNewLeader));
    }

    [Fact]
    public void A_TTL_that_is_too_large_is_noticed_before_an_id_that_is_taken()
    {
        var table = new LeaseTable();
        Assert.Equal(StateError.None, table.Grant(7, LeaseTable.MaxTtl));
        Assert.Equal(StateError.LeaseTtlTooLarge, table.Grant(7, LeaseTable.MaxTtl + 1));
        Assert.Equal(StateError.LeaseNotFound, table.Grant(0, 60));
        Assert.Equal(1, table.Count);
    }

    [Fact]
    public void Revoking_hands_out_the_keys_in_order()
    {
        var table = new LeaseTable();
        table.Grant(7, 60);
        foreach (var key in (string[])["b", "", "ab", "a", "a\0"])
        {
            table.Attach(System.Text.Encoding.UTF8.GetBytes(key), 7);
        }

        table.Detach("b"u8, 7);
        Assert.Equal(StateError.None, table.Revoke(7, out var lease));
        Assert.Equal(["", "61", "6100", "6162"], lease!.Keys.ToArray().Select(Convert.ToHexStringLower));
        Assert.False(table.Contains(7));
        Assert.Equal(StateError.LeaseNotFound, table.Revoke(7, out _));

        // Whoever deletes the keys afterwards may still say so.
        table.Detach("a"u8, 7);
    }

    [Fact]
    public void A_checkpoint_is_what_a_new_leader_begins_with_until_it_is_cleared()
    {
        var table = new LeaseTable();
        table.Grant(7, 600);
        Assert.Equal(StateError.None, table.Checkpoint(7, 250));
        Assert.True(table.TryGet(7, out var lease));
        Assert.Equal(250, lease.TtlForNewLeader);
        table.Checkpoint(7, 0);
        Assert.Equal(600, lease.TtlForNewLeader);
        Assert.Equal(StateError.LeaseNotFound, table.Checkpoint(8, 1));
    }

    [Fact]
    public void What_contradicts_the_records_is_noticed()
    {
        var table = new LeaseTable();
        table.Grant(7, 60);
        Assert.Throws<InvariantBrokenException>(() => table.Attach("a"u8, 8));
        Assert.Throws<InvariantBrokenException>(() => table.Detach("a"u8, 7));
    }

    [Fact]
    public void Its_bytes_are_golden()
    {
        Assert.Equal("010100", TableBytes.HexOf(to => new LeaseTable().WriteTo(to)));
        Assert.Equal(
            "01" + "01" + "03"
            + "ffffffffffffffff" + "02" + "00" + "00"
            + "0100000000000000" + "d804" + "7e" + "03" + "0001" + "61" + "0101" + "62" + "0102" + "6300"
            + "0807060504030201" + "80e8888743" + "00" + "01" + "0000",
            TableBytes.HexOf(to => Sample().WriteTo(to)));
        Assert.Equal(
            "01" + "00" + "03"
            + "ffffffffffffffff" + "02" + "00"
            + "0100000000000000" + "d804" + "7e"
            + "0807060504030201" + "80e8888743" + "00",
            TableBytes.HexOf(to => Sample().WriteTo(to, withKeys: false)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Damage_is_named(bool withKeys)
        => TableBytes.AssertDamageIsNamed(
            TableBytes.Of(to => Sample().WriteTo(to, withKeys)),
            bytes => TableBytes.Of(to => LeaseTable.ReadFrom(bytes).WriteTo(to, bytes[1] == 1)));

    [Theory]
    [InlineData("02", "Malformed lease table at byte 0: its version is 2, and only 1 is known.")]
    [InlineData("010102" + "0200000000000000" + "0200" + "00" + "0100000000000000" + "0200" + "00", "Malformed lease table at byte 14: a lease has no id, or the ids are not in order.")]
    [InlineData("010101" + "0100000000000000" + "0200" + "02" + "000162" + "000161", "Malformed lease table at byte 17: the keys of a lease are not in order.")]
    public void What_is_wrong_is_said_with_its_place(string hex, string message)
        => Assert.Equal(message, Assert.Throws<StateFormatException>(() => LeaseTable.ReadFrom(Convert.FromHexString(hex))).Message);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Behaves_as_the_model_does(ulong seed)
    {
        var chance = new Chance(seed);
        var table = new LeaseTable();
        var model = new SortedDictionary<long, (long Ttl, long Remaining)>();
        var leaseOf = new SortedDictionary<string, long>(StringComparer.Ordinal);
        for (var step = 0; step < 2_000; step++)
        {
            var id = chance.Between(1L, 12);
            switch (chance.Below(10))
            {
                case 0 or 1:
                    var ttl = chance.Between(1L, 1000);
                    Assert.Equal(model.TryAdd(id, (ttl, 0)) ? StateError.None : StateError.LeaseExists, table.Grant(id, ttl));
                    break;
                case 2 when chance.Happens(1, 3):
                    var keys = leaseOf.Where(pair => pair.Value == id).Select(pair => pair.Key).ToArray();
                    Assert.Equal(model.Remove(id) ? StateError.None : StateError.LeaseNotFound, table.Revoke(id, out var lease));
                    Assert.Equal(keys, lease?.Keys.ToArray().Select(Convert.ToHexStringLower) ?? []);
                    foreach (var key in keys)
                    {
                        leaseOf.Remove(key);
                    }

                    break;
                case 3:
                    var remaining = chance.Below(500L);
                    var isThere = model.TryGetValue(id, out var before);
                    Assert.Equal(isThere ? StateError.None : StateError.LeaseNotFound, table.Checkpoint(id, remaining));
                    if (isThere)
                    {
                        model[id] = (before.Ttl, remaining);
                    }

                    break;
                default:
                    // A put: with a lease that exists, or with none.
                    var put = new byte[chance.Between(1, 2)];
                    chance.Fill(put);
                    put[0] &= 0x0f;
                    var hex = Convert.ToHexStringLower(put);
                    if (leaseOf.Remove(hex, out var old))
                    {
                        table.Detach(put, old);
                    }

                    if (model.ContainsKey(id))
                    {
                        table.Attach(put, id);
                        leaseOf[hex] = id;
                    }

                    break;
            }

            if (step % 100 == 0)
            {
                table = LeaseTable.ReadFrom(TableBytes.Of(to => table.WriteTo(to)));
            }
        }

        Assert.Equal(model.Select(pair => (pair.Key, pair.Value.Ttl, pair.Value.Remaining)), table.Sorted().Select(lease => (lease.Id, lease.Ttl, lease.RemainingTtl)));
        foreach (var lease in table.Sorted())
        {
            Assert.Equal(leaseOf.Where(pair => pair.Value == lease.Id).Select(pair => pair.Key), lease.Keys.ToArray().Select(Convert.ToHexStringLower));
        }

        // The same state reached by another way has the same bytes.
        var rebuilt = new LeaseTable();
        foreach (var (id, (ttl, remaining)) in model.Reverse())
        {
            rebuilt.Grant(id, ttl);
            rebuilt.Checkpoint(id, remaining);
        }

        foreach (var (key, id) in leaseOf.Reverse())
        {
            rebuilt.Attach(Convert.FromHexString(key), id);
        }

        Assert.Equal(TableBytes.HexOf(to => table.WriteTo(to)), TableBytes.HexOf(to => rebuilt.WriteTo(to)));
    }

    private static LeaseTable Sample()
    {
        var table = new LeaseTable();
        table.Grant(0x0102030405060708, LeaseTable.MaxTtl);
        table.Grant(1, 300);
        table.Grant(-1, 1);
        table.Checkpoint(1, 63);
        table.Attach("ac\0"u8, 1);
        table.Attach("a"u8, 1);
        table.Attach("ab"u8, 1);
        table.Attach(""u8, 0x0102030405060708);
        return table;
    }
}
