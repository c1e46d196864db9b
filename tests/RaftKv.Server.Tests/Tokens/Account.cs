using System.Buffers;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using Permission = RaftKv.Protocol.Auth.Permission;

namespace RaftKv.Server.Tests.Tokens;

/// <summary>Somebody who calls a member: nobody, or the owner of a token.</summary>
internal sealed class Account(RpcChannel channel, string? token = null, string key = "token")
{
    public string? Token { get; } = token;

    public static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    /// <summary>Who gives a password.</summary>
    public async Task<Account> SignInAsync(string name, string password)
        => new(channel, (await CallAsync<AuthenticateResponse>("Auth/Authenticate", new AuthenticateRequest { Name = name, Password = password })).Token);

    /// <summary>The same one at another member.</summary>
    public Account At(RpcChannel other) => new(other, Token, key);

    public async Task<TResponse> CallAsync<TResponse>(string method, IMessage request)
        where TResponse : IMessage<TResponse>, new()
    {
        var bytes = await channel.UnaryAsync(RpcMethod.OfBytes(Find(method)), new ReadOnlySequence<byte>(request.ToByteArray()), Options());
        var response = new TResponse();
        response.MergeFrom(bytes.ToArray());
        return response;
    }

    /// <summary>How a unary call ends.</summary>
    public async Task<RpcStatus> StatusAsync(string method, IMessage request)
    {
        try
        {
            await channel.UnaryAsync(RpcMethod.OfBytes(Find(method)), new ReadOnlySequence<byte>(request.ToByteArray()), Options());
            return RpcStatus.Ok;
        }
        catch (RpcException refused)
        {
            return refused.Status;
        }
    }

    public RpcDuplexCall<TRequest, TResponse> Duplex<TRequest, TResponse>(string method)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
        => channel.Duplex(RpcMethod.Of<TRequest, TResponse>(Find(method)), Options());

    public Task<RpcStatus> PutAsync(string name, string value = "v", bool wantsPrevious = false, long lease = 0)
        => StatusAsync("KV/Put", new PutRequest { Key = Bytes(name), Value = Bytes(value), PrevKv = wantsPrevious, Lease = lease });

    public Task<RpcStatus> GetAsync(string name, string end = "")
        => StatusAsync("KV/Range", new RangeRequest { Key = Bytes(name), RangeEnd = Bytes(end) });

    public Task AddUserAsync(string name, string password)
        => CallAsync<AuthUserAddResponse>("Auth/UserAdd", new AuthUserAddRequest { Name = name, Password = password });

    /// <summary>A role of the user's own, with that permission.</summary>
    public async Task AllowAsync(string user, Permission.Types.Type type, string name, string end = "")
    {
        await StatusAsync("Auth/RoleAdd", new AuthRoleAddRequest { Name = user + "-role" });
        await CallAsync<AuthRoleGrantPermissionResponse>("Auth/RoleGrantPermission", new AuthRoleGrantPermissionRequest
        {
            Name = user + "-role",
            Perm = new Permission { PermType = type, Key = Bytes(name), RangeEnd = Bytes(end) },
        });
        await StatusAsync("Auth/UserGrantRole", new AuthUserGrantRoleRequest { User = user, Role = user + "-role" });
    }

    /// <summary>Makes the user root, and turns authentication on.</summary>
    public async Task<Account> EnableAsync(string password = "secret")
    {
        await AddUserAsync("root", password);
        await CallAsync<AuthUserGrantRoleResponse>("Auth/UserGrantRole", new AuthUserGrantRoleRequest { User = "root", Role = "root" });
        await CallAsync<AuthEnableResponse>("Auth/AuthEnable", new AuthEnableRequest());
        return await SignInAsync("root", password);
    }

    private static Google.Protobuf.Reflection.MethodDescriptor Find(string method)
    {
        var parts = method.Split('/');
        return RpcReflection.Descriptor.Services.Single(service => service.Name == parts[0]).FindMethodByName(parts[1]);
    }

    private RpcCallOptions Options()
    {
        var metadata = new RpcMetadata();
        if (Token is not null)
        {
            metadata.Add(key, Token);
        }

        return new RpcCallOptions { Metadata = metadata, Timeout = TimeSpan.FromMinutes(1), CancellationToken = TestContext.Current.CancellationToken };
    }
}
