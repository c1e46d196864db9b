using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Stores;

namespace RaftKv.Client.Tests.Life;

/// <summary>Tokens, of an etcd that forgets them when it is started again.</summary>
public sealed class TokenTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Calls_and_watches_survive_the_end_of_their_token()
    {
        var program = StoreProgram.FindEtcd();
        Assert.SkipWhen(program is null, "There is no 'etcd' here.");
        await using var store = await StoreProcess.StartAsync(program!, cancellation: Stop);
        var member = store.Members[0];
        await using (var channel = new RpcChannel(new RpcChannelOptions { Addresses = [member.Client] }))
        {
            await AuthAsync<AuthUserAddRequest, AuthUserAddResponse>(channel, "UserAdd", new() { Name = "root", Password = "secret" });
            await AuthAsync<AuthRoleAddRequest, AuthRoleAddResponse>(channel, "RoleAdd", new() { Name = "root" });
            await AuthAsync<AuthUserGrantRoleRequest, AuthUserGrantRoleResponse>(channel, "UserGrantRole", new() { User = "root", Role = "root" });
            await AuthAsync<AuthEnableRequest, AuthEnableResponse>(channel, "AuthEnable", new());
        }

        await using var nobody = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [member.Client] });
        await Assert.ThrowsAsync<AuthenticationException>(async () => await nobody.GetAsync("k", cancellation: Stop));
        await using var root = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [member.Client], UserName = "root", Password = "secret" });
        await using var wrong = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [member.Client], UserName = "root", Password = "guess" });
        await Assert.ThrowsAsync<AuthenticationException>(async () => await wrong.GetAsync("k", cancellation: Stop));

        await using var watcher = await root.StartWatchAsync("k", cancellation: Stop);
        await using var batches = watcher.GetAsyncEnumerator(Stop);
        await root.PutAsync("k", "1", cancellation: Stop);
        Assert.True(await batches.MoveNextAsync());

        await member.KillAsync();
        member.Start();
        while (true)
        {
            try
            {
                await root.PutAsync("k", "2", cancellation: Stop);
                break;
            }
            catch (RaftKvException e) when (e.IsTransient || e.IsOutcomeUnknown)
            {
                // It is still starting; what it did not answer it may have done.
            }
        }

        Assert.True(await batches.MoveNextAsync());
        Assert.All(batches.Current.Events, one => Assert.Equal("2", one.KeyValue.ValueText));
    }

    private static async Task AuthAsync<TRequest, TResponse>(RpcChannel channel, string name, TRequest request)
        where TRequest : Google.Protobuf.IMessage<TRequest>, new()
        where TResponse : Google.Protobuf.IMessage<TResponse>, new()
        => await channel.UnaryAsync(
            new RpcMethod<TRequest, TResponse>("etcdserverpb.Auth", name, RpcShape.Unary, MessageCodec.Of<TRequest>(), MessageCodec.Of<TResponse>()),
            request,
            new RpcCallOptions { CancellationToken = Stop });
}
