namespace RaftKv.Client.Tests.Life;

/// <summary>A connection that breaks between the request and its answer.</summary>
public sealed class LostAnswerTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_asked_for_once_happens_once()
    {
        await using var node = await TestNode.StartAsync(listens: true);
        await using var link = new LinkProxy(node.Node.ClientEndPoints[0]);
        await using var client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [link.Address], Timeout = TimeSpan.FromSeconds(60) });
        var leases = new List<long>();
        for (var i = 1; i <= 10; i++)
        {
            await client.GetAsync("k", cancellation: Stop);
            link.SwallowAnswers(1);
            leases.Add((await client.GrantLeaseAsync(TimeSpan.FromMinutes(10), cancellation: Stop)).Id);

            await client.GetAsync("k", cancellation: Stop);
            link.SwallowAnswers(1);
            Assert.Equal(i == 1 ? null : $"{i - 1}", (await client.PutAsync("k", $"{i}", new PutOptions { WantsPrevious = true }, Stop)).Previous?.ValueText);
            Assert.Equal(i, (await client.GetAsync("k", cancellation: Stop))!.Version);
        }

        Assert.Equal(leases.Order(), (await client.ListLeasesAsync(cancellation: Stop)).Order());

        await client.GetAsync("k", cancellation: Stop);
        link.SwallowAnswers(1);
        var added = await client.Cluster.AddMemberAsync(["http://127.0.0.1:1"], isLearner: true, cancellation: Stop);
        Assert.Equal([added.Id], (await client.Cluster.ListMembersAsync(cancellation: Stop)).Where(member => member.IsLearner).Select(member => member.Id));
    }
}
