namespace RaftKv.Raft.Tests;

public sealed class InvariantTests
{
    [Fact]
    public void A_broken_claim_names_itself()
    {
        var committed = 7;
        var last = 5;

        var broken = Assert.Throws<InvariantBrokenException>(() => Invariant.Holds(committed <= last));

        Assert.Contains("committed <= last", broken.Message, StringComparison.Ordinal);
    }
}
