using RaftKv.Raft;
using RaftKv.Raft.Membership;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Tests.State;

public sealed class MemberTableTests
{
    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 40).Select(seed => (ulong)seed)];

    [Fact]
    public void Members_are_listed_by_id()
        => Assert.Equal([1ul, 2, 3], Three().Members.Select(member => member.Id.Value));

    [Fact]
    public void Adding_looks_at_the_id_then_at_the_URLs_then_at_the_number_of_learners()
    {
        var table = Three();
        Assert.Equal(StateError.MemberExists, table.Apply(MemberChange.Add(NewMember(2, "http://2:2380"), 0)));
        Assert.Equal(StateError.PeerUrlExists, table.Apply(MemberChange.Add(NewMember(4, "http://4:2380", "http://2:2380") with { IsLearner = true }, 0)));
        Assert.Equal(StateError.TooManyLearners, table.Apply(MemberChange.Add(NewMember(4, "http://4:2380") with { IsLearner = true }, 0)));
        Assert.Equal(StateError.None, table.Apply(MemberChange.Add(NewMember(4, "http://4:2380") with { IsLearner = true })));
        Assert.Equal(StateError.TooManyLearners, table.Apply(MemberChange.Add(NewMember(5, "http://5:2380") with { IsLearner = true })));
        Assert.Equal(StateError.None, table.Apply(MemberChange.Add(NewMember(5, "http://5:2380"))));
        Assert.Equal(5, table.Count);
    }

    [Fact]
    public void A_removed_member_is_banned_for_ever()
    {
        var table = Three();
        Assert.Equal(StateError.None, table.Apply(MemberChange.Remove(new NodeId(2))));
        Assert.True(table.IsRemoved(new NodeId(2)));
        Assert.Equal(StateError.MemberNotFound, table.Apply(MemberChange.Add(NewMember(2, "http://1:2380"))));
        Assert.Equal(StateError.MemberNotFound, table.Apply(MemberChange.Remove(new NodeId(2))));
        Assert.Equal(StateError.MemberNotFound, table.Apply(MemberChange.Promote(new NodeId(2))));
        Assert.Equal(StateError.MemberNotFound, table.Apply(MemberChange.Update(new NodeId(2), ["http://1:2380"])));
        Assert.Equal(StateError.MemberNotFound, table.SetAttributes(new NodeId(2), "b", []));

        // Its address is free again.
        Assert.Equal(StateError.None, table.Apply(MemberChange.Add(NewMember(4, "http://2:2380"))));
    }

    [Fact]
    public void Only_a_learner_is_promoted()
    {
        var table = Three();
        Assert.Equal(StateError.MemberNotFound, table.Apply(MemberChange.Promote(new NodeId(4))));
        Assert.Equal(StateError.MemberNotLearner, table.Apply(MemberChange.Promote(new NodeId(3))));
        table.Apply(MemberChange.Add(NewMember(4, "http://4:2380") with { IsLearner = true }));
        Assert.Equal(StateError.None, table.Apply(MemberChange.Promote(new NodeId(4))));
        Assert.Equal(NewMember(4, "http://4:2380"), table.Find(new NodeId(4)));
    }

    [Fact]
    public void An_update_replaces_the_peer_URLs_and_nothing_else()
    {
        var table = Three();
        table.SetAttributes(new NodeId(1), "one", ["http://1:2379"]);
        Assert.Equal(StateError.MemberNotFound, table.Apply(MemberChange.Update(new NodeId(4), [])));
        Assert.Equal(StateError.PeerUrlExists, table.Apply(MemberChange.Update(new NodeId(1), ["http://9:1", "http://2:2380"])));
        Assert.Equal(StateError.None, table.Apply(MemberChange.Update(new NodeId(1), ["http://9:1", "http://1:2380"])));
        Assert.Equal(
            new Member(new NodeId(1), "one", ["http://9:1", "http://1:2380"], ["http://1:2379"], false),
            table.Find(new NodeId(1)));
    }

    [Fact]
    public void A_member_has_started_once_it_has_told_its_name()
    {
        var table = Three();
        Assert.False(table.Find(new NodeId(1))!.HasStarted);
        Assert.Equal(StateError.None, table.SetAttributes(new NodeId(1), "one", ["http://1:2379"]));
        Assert.True(table.Find(new NodeId(1))!.HasStarted);
    }

    [Fact]
    public void Initial_members_that_contradict_each_other_are_refused_with_the_reason()
    {
        var refused = Assert.Throws<ArgumentException>(() => MemberTable.Bootstrapped([NewMember(1, "http://a:1"), NewMember(2, "http://a:1") with { Name = "b" }]));
        Assert.StartsWith("The initial member 2 (b) is refused: PeerUrlExists.", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Its_bytes_are_golden()
    {
        Assert.Equal("010000", TableBytes.HexOf(new MemberTable().WriteTo));
        Assert.Equal(
            "01" + "02"
            + "0100000000000000" + "036f6e65" + "01" + "03613a31" + "02" + "03613a32" + "03613a33" + "00"
            + "0807060504030201" + "00" + "01" + "03623a31" + "00" + "01"
            + "01" + "0200000000000000",
            TableBytes.HexOf(Sample().WriteTo));
    }

    [Fact]
    public void Damage_is_named()
        => TableBytes.AssertDamageIsNamed(TableBytes.Of(Sample().WriteTo), bytes => TableBytes.Of(MemberTable.ReadFrom(bytes).WriteTo));

    [Theory]
    [InlineData(0, "01" + "01" + "0700000000000000" + "00" + "01" + "03613a31" + "00" + "00" + "05")]
    [InlineData(1, "01" + "02" + "0700000000000000")]
    [InlineData(2, "01" + "03" + "0700000000000000")]
    [InlineData(3, "01" + "04" + "0700000000000000" + "01" + "03613a31")]
    public void The_bytes_of_a_change_are_golden(int which, string hex)
    {
        var id = new NodeId(7);
        var change = (MemberChange[])
        [
            MemberChange.Add(NewMember(7, "a:1"), 5),
            MemberChange.Promote(id),
            MemberChange.Remove(id),
            MemberChange.Update(id, ["a:1"]),
        ];
        Assert.Equal(hex, Convert.ToHexStringLower(change[which].Encode()));
        Assert.Equal(change[which], MemberChange.Decode(Convert.FromHexString(hex)));
        TableBytes.AssertDamageIsNamed(Convert.FromHexString(hex), bytes => MemberChange.Decode(bytes).Encode());
    }

    [Fact]
    public void A_change_that_says_something_else_than_Rafts_is_noticed()
    {
        var promote = MemberChange.Promote(new NodeId(7)).Encode();
        foreach (var change in (ConfigChange[])
        [
            ConfigChange.OneStep(ConfigStepKind.AddVoter, new NodeId(8), promote),
            ConfigChange.OneStep(ConfigStepKind.Remove, new NodeId(7), promote),
            ConfigChange.OneStep(ConfigStepKind.AddVoter, new NodeId(7)),
            new ConfigChange(ConfigTransition.Auto, [], promote),
        ])
        {
            Assert.Throws<StateFormatException>(() => MemberChange.Of(change));
        }

        Assert.Equal(MemberChange.Promote(new NodeId(7)), MemberChange.Of(ConfigChange.OneStep(ConfigStepKind.AddVoter, new NodeId(7), promote)));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Whatever_is_allowed_here_leaves_Raft_with_the_same_members(ulong seed)
    {
        var chance = new Chance(seed);
        var table = Three();
        var config = table.ToClusterConfig();
        var applied = 0;
        for (var step = 0; step < 300; step++)
        {
            var id = new NodeId((ulong)chance.Between(1, 12));
            var url = $"http://{chance.Below(14)}:2380";
            var change = chance.Below(5) switch
            {
                0 => MemberChange.Add(NewMember(id.Value, url)),
                1 => MemberChange.Add(NewMember(id.Value, url) with { IsLearner = true }, chance.Below(4)),
                2 => MemberChange.Promote(id),
                3 => MemberChange.Update(id, [url]),
                _ => MemberChange.Remove(id),
            };

            var before = TableBytes.HexOf(table.WriteTo);
            var expected = table.Check(change);
            var raftChange = table.ToConfigChange(change);
            Assert.True(ConfigChange.TryDecode(raftChange.Encode(), out var decoded));
            if (expected != StateError.None)
            {
                Assert.Equal(expected, table.Apply(change));
                Assert.Equal(before, TableBytes.HexOf(table.WriteTo));
                continue;
            }

            // Raft alone knows that the last voter cannot go.
            if (!config.TryChange(decoded, out var next, out _))
            {
                Assert.Equal(MemberChangeKind.Remove, change.Kind);
                continue;
            }

            Assert.Equal(StateError.None, table.Apply(MemberChange.Of(decoded)));
            config = next;
            Assert.Equal(config, table.ToClusterConfig());
            applied++;
            table = MemberTable.ReadFrom(TableBytes.Of(table.WriteTo));
        }

        Assert.True(applied > 5);
    }

    private static Member NewMember(ulong id, params string[] peerUrls) => new(new NodeId(id), "", peerUrls, [], IsLearner: false);

    private static MemberTable Three()
        => MemberTable.Bootstrapped([NewMember(3, "http://3:2380"), NewMember(1, "http://1:2380"), NewMember(2, "http://2:2380")]);

    private static MemberTable Sample()
    {
        var table = MemberTable.Bootstrapped([NewMember(1, "a:1"), NewMember(2, "c:1"), NewMember(0x0102030405060708, "b:1") with { IsLearner = true }]);
        table.SetAttributes(new NodeId(1), "one", ["a:2", "a:3"]);
        table.Apply(MemberChange.Remove(new NodeId(2)));
        return table;
    }
}
