namespace RaftKv.Client.Tests;

public sealed class KeyTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_put_is_read_deleted_and_gone()
    {
        await using var node = await TestNode.StartAsync();
        var client = node.Client;

        var put = await client.PutAsync("k", "v", cancellation: Stop);
        Assert.Null(put.Previous);
        var again = await client.PutAsync("k", new byte[] { 1, 2 }, new PutOptions { WantsPrevious = true }, Stop);
        Assert.Equal("v", again.Previous!.ValueText);
        Assert.Equal(put.Revision + 1, again.Revision);

        var read = await client.GetAsync("k", cancellation: Stop);
        Assert.Equal([1, 2], read!.Value.ToArray());
        Assert.Equal((put.Revision, again.Revision, 2), (read.CreateRevision, read.ModRevision, read.Version));
        Assert.Equal("v", (await client.GetAsync("k", new GetOptions { Revision = put.Revision }, Stop))!.ValueText);
        Assert.NotNull(await client.GetAsync("k", new GetOptions { IsSerializable = true }, Stop));

        var deleted = await client.DeleteAsync("k", new DeleteOptions { WantsPrevious = true }, Stop);
        Assert.Equal([1, 2], Assert.Single(deleted.Previous).Value.ToArray());
        Assert.Equal(0, (await client.DeleteAsync("k", cancellation: Stop)).Deleted);
        Assert.Null(await client.GetAsync("k", cancellation: Stop));
    }

    [Fact]
    public async Task A_range_is_limited_ordered_counted_and_filtered()
    {
        await using var node = await TestNode.StartAsync();
        var client = node.Client;
        for (var i = 0; i < 5; i++)
        {
            await client.PutAsync($"a/{i}", $"{9 - i}", cancellation: Stop);
        }

        await client.PutAsync("b", "", cancellation: Stop);

        var two = await client.RangeAsync(
            KeyRange.Prefix("a/"),
            new RangeOptions { Limit = 2, Order = RangeOrder.Ascending, OrderBy = RangeOrderBy.Value },
            Stop);
        Assert.Equal(["a/4", "a/3"], two.KeyValues.Select(one => one.KeyText));
        Assert.True(two.HasMore);
        Assert.Equal(5, two.Count);

        var count = await client.RangeAsync(KeyRange.All, new RangeOptions { CountOnly = true }, Stop);
        Assert.Equal((6, 0), (count.Count, count.KeyValues.Count));
        var keys = await client.RangeAsync(KeyRange.Between("a/1", "a/3"), new RangeOptions { KeysOnly = true }, Stop);
        Assert.Equal(["a/1", "a/2"], keys.KeyValues.Select(one => one.KeyText));
        Assert.All(keys.KeyValues, one => Assert.True(one.Value.IsEmpty));
        var late = await client.RangeAsync(
            KeyRange.StartingAt("a/"), new RangeOptions { MinModRevision = count.Header.Revision }, Stop);
        Assert.Equal("b", Assert.Single(late.KeyValues).KeyText);
    }

    [Fact]
    public async Task A_scan_sees_one_revision_while_the_store_changes()
    {
        await using var node = await TestNode.StartAsync();
        var client = node.Client;
        for (var i = 0; i < 25; i++)
        {
            await client.PutAsync($"{i:00}", "old", cancellation: Stop);
        }

        var seen = new List<string>();
        await foreach (var one in client.ScanAsync(KeyRange.All, new ScanOptions { PageSize = 10 }, Stop))
        {
            if (seen.Count == 0)
            {
                await client.DeleteAsync("15", cancellation: Stop);
                await client.PutAsync("20", "new", cancellation: Stop);
                await client.PutAsync("99", "new", cancellation: Stop);
            }

            Assert.Equal("old", one.ValueText);
            seen.Add(one.KeyText);
        }

        Assert.Equal(Enumerable.Range(0, 25).Select(i => $"{i:00}"), seen);
    }

    [Fact]
    public async Task A_transaction_takes_the_branch_that_its_conditions_choose()
    {
        await using var node = await TestNode.StartAsync();
        var client = node.Client;
        var claim = new Transaction()
            .If(Condition.Missing("owner"))
            .Then(Operation.Put("owner", "me"), Operation.Nested(new Transaction().Then(Operation.Put("nested", "1"))))
            .Else(Operation.Get("owner"), Operation.Delete(KeyRange.Prefix("nest"), new DeleteOptions { WantsPrevious = true }));

        var first = await client.CommitAsync(claim, cancellation: Stop);
        Assert.True(first.Succeeded);
        Assert.Equal(first.Header.Revision, first.Results[0].Put!.Revision);
        Assert.True(first.Results[1].Transaction!.Succeeded);

        var second = await client.CommitAsync(claim, cancellation: Stop);
        Assert.False(second.Succeeded);
        Assert.Equal("me", Assert.Single(second.Results[0].Range!.KeyValues).ValueText);
        Assert.Equal("1", Assert.Single(second.Results[1].Delete!.Previous).ValueText);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    [InlineData(4, true)]
    [InlineData(5, false)]
    [InlineData(6, true)]
    [InlineData(7, false)]
    [InlineData(8, true)]
    [InlineData(9, true)]
    public async Task A_condition_says_what_it_reads_like(int index, bool holds)
    {
        await using var node = await TestNode.StartAsync();
        var revision = (await node.Client.PutAsync("k", "m", cancellation: Stop)).Revision;
        Condition[] conditions =
        [
            Condition.Exists("k"),
            Condition.ModRevision("k").Is(revision),
            Condition.ModRevision("k").IsGreaterThan(revision),
            Condition.CreateRevision("k").IsLessThan(revision + 1),
            Condition.Value("k").Is("m"),
            Condition.Value("k").IsLessThan("a"),
            Condition.Value("k").IsGreaterThan("a"),
            Condition.Value("missing").IsNot("m"),
            Condition.Lease("k").Is(0),
            Condition.Version(KeyRange.All).Is(1),
        ];
        var result = await node.Client.CommitAsync(new Transaction().If(conditions[index]), cancellation: Stop);
        Assert.Equal(holds, result.Succeeded);
    }

    [Fact]
    public async Task What_was_compacted_and_what_is_yet_to_come_are_refused_by_name()
    {
        await using var node = await TestNode.StartAsync();
        var client = node.Client;
        var first = (await client.PutAsync("k", "1", cancellation: Stop)).Revision;
        var second = (await client.PutAsync("k", "2", cancellation: Stop)).Revision;
        Assert.Equal(second, await client.CompactAsync(second, new CompactOptions { WaitsUntilGone = true }, Stop));

        var gone = await Assert.ThrowsAsync<CompactedException>(
            async () => await client.GetAsync("k", new GetOptions { Revision = first }, Stop));
        Assert.False(gone.IsTransient);
        Assert.False(gone.IsOutcomeUnknown);
        await Assert.ThrowsAsync<CompactedException>(async () => await client.CompactAsync(second, cancellation: Stop));
        await Assert.ThrowsAsync<FutureRevisionException>(
            async () => await client.GetAsync("k", new GetOptions { Revision = second + 1 }, Stop));
        await Assert.ThrowsAsync<InvalidRequestException>(async () => await client.PutAsync("", "v", cancellation: Stop));
        await Assert.ThrowsAsync<KeyNotFoundInStoreException>(
            async () => await client.PutAsync("missing", "", new PutOptions { KeepsValue = true }, Stop));
        await Assert.ThrowsAsync<LeaseNotFoundException>(
            async () => await client.PutAsync("k", "", new PutOptions { Lease = 77 }, Stop));
    }

    [Fact]
    public async Task A_lease_is_granted_looked_at_kept_and_revoked()
    {
        await using var node = await TestNode.StartAsync();
        var client = node.Client;
        var lease = await client.GrantLeaseAsync(TimeSpan.FromMinutes(1), cancellation: Stop);
        Assert.Equal(TimeSpan.FromMinutes(1), lease.TimeToLive);
        await Assert.ThrowsAsync<LeaseExistsException>(
            async () => await client.GrantLeaseAsync(TimeSpan.FromMinutes(1), lease.Id, cancellation: Stop));
        await client.PutAsync("bound", "", new PutOptions { Lease = lease.Id }, Stop);

        var info = await client.GetLeaseAsync(lease.Id, wantsKeys: true, cancellation: Stop);
        Assert.Equal("bound"u8.ToArray(), Assert.Single(info!.Keys).ToArray());
        Assert.Equal([lease.Id], await client.ListLeasesAsync(cancellation: Stop));
        Assert.Equal(TimeSpan.FromMinutes(1), await client.KeepLeaseAliveOnceAsync(lease.Id, cancellation: Stop));

        await client.RevokeLeaseAsync(lease.Id, cancellation: Stop);
        Assert.Null(await client.GetAsync("bound", cancellation: Stop));
        Assert.Null(await client.GetLeaseAsync(lease.Id, cancellation: Stop));
        await Assert.ThrowsAsync<LeaseNotFoundException>(async () => await client.KeepLeaseAliveOnceAsync(lease.Id, cancellation: Stop));
        await Assert.ThrowsAsync<LeaseNotFoundException>(async () => await client.RevokeLeaseAsync(lease.Id, cancellation: Stop));
    }

    [Fact]
    public async Task Members_and_their_state_are_told()
    {
        await using var node = await TestNode.StartAsync();
        var client = node.Client;
        var status = await client.Maintenance.GetStatusAsync(cancellation: Stop);
        var member = Assert.Single(await client.Cluster.ListMembersAsync(cancellation: Stop));
        Assert.Equal(member.Id, status.Leader);
        Assert.Empty(await client.Maintenance.ListAlarmsAsync(cancellation: Stop));
        await client.PutAsync("k", "v", cancellation: Stop);
        var hash = await client.Maintenance.HashKeysAsync(client.Maintenance.Endpoints[0], cancellation: Stop);
        Assert.Equal(status.Header.Revision + 1, hash.Revision);
        await client.Maintenance.DefragmentAsync(client.Maintenance.Endpoints[0], cancellation: Stop);

        using var copy = new MemoryStream();
        Assert.Equal(await client.Maintenance.SaveSnapshotAsync(client.Maintenance.Endpoints[0], copy, Stop), copy.Length);
        Assert.True(copy.Length > 0);
        await Assert.ThrowsAsync<MemberNotFoundException>(async () => await client.Cluster.RemoveMemberAsync(77, cancellation: Stop));
    }

    [Fact]
    public async Task A_request_that_comes_again_under_its_name_is_done_once()
    {
        await using var node = await TestNode.StartAsync();
        var put = new Rpc.RpcMethod<Protocol.Etcd.PutRequest, Protocol.Etcd.PutResponse>(
            "etcdserverpb.KV",
            "Put",
            Rpc.RpcShape.Unary,
            Rpc.MessageCodec.Of<Protocol.Etcd.PutRequest>(),
            Rpc.MessageCodec.Of<Protocol.Etcd.PutResponse>());
        var request = new Protocol.Etcd.PutRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8("k") };
        var named = new Rpc.Client.RpcCallOptions { Metadata = new Rpc.RpcMetadata { { "raftkv-request-id", "abc-1-0" } }, CancellationToken = Stop };
        var first = await node.Channel.UnaryAsync(put, request, named);
        await node.Client.PutAsync("k", "v", cancellation: Stop);
        Assert.Equal(first, await node.Channel.UnaryAsync(put, request, named));
        Assert.Equal(first.Header.Revision + 1, (await node.Client.GetAsync("k", cancellation: Stop))!.ModRevision);
    }

    [Fact]
    public async Task A_client_that_was_disposed_of_says_so()
    {
        await using var node = await TestNode.StartAsync();
        await node.Client.DisposeAsync();
        await node.Client.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await node.Client.GetAsync("k", cancellation: Stop));
    }

    [Fact]
    public async Task Cancellation_is_the_callers_own()
    {
        await using var node = await TestNode.StartAsync();
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await node.Client.GetAsync("k", cancellation: stop.Token));
        Assert.Equal(stop.Token, cancelled.CancellationToken);
    }

    [Fact]
    public void A_prefix_ends_where_the_next_one_begins()
    {
        Assert.Equal("b"u8.ToArray(), KeyRange.Prefix("a").End.Memory.ToArray());
        Assert.Equal([1], KeyRange.Prefix(new byte[] { 0, 255 }).End.Memory.ToArray());
        Assert.Equal([0], KeyRange.Prefix(new byte[] { 255 }).End.Memory.ToArray());
        Assert.Equal([0], KeyRange.Prefix("").From.Memory.ToArray());
    }

    [Fact]
    public void Options_that_cannot_work_are_refused_with_words()
    {
        var refused = Assert.Throws<ArgumentException>(() => RaftKvClient.Connect(new RaftKvClientOptions
        {
            Endpoints = [new Uri("ftp://a")],
            Timeout = TimeSpan.Zero,
        }));
        Assert.Contains("ftp://a", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Timeout", refused.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => RaftKvClient.Connect(new RaftKvClientOptions()));
    }
}
