using System.Net;
using System.Threading.Channels;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;

namespace RaftKv.Client.Tests;

/// <summary>A member that says what a test wants it to say, on a port.</summary>
internal sealed class ScriptedMember : IAsyncDisposable
{
    private readonly Channel<ScriptedWatch> _watches = Channel.CreateUnbounded<ScriptedWatch>();
    private RpcHost _host = null!;
    private int _calls;

    public Uri Address => _host.EndPoints[0];

    /// <summary>Calls of KV, and keep-alives, that came in.</summary>
    public int Calls => Volatile.Read(ref _calls);

    public string Version { get; set; } = "3.6.14";

    /// <summary>Whether it says that it recognises requests that come again.</summary>
    public bool RecognisesRequests { get; set; }

    /// <summary>What Status waits for.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public Func<RangeRequest, RpcServerCall, ValueTask<RangeResponse>> Range { get; set; } = (_, _) => new(new RangeResponse { Header = new() });

    public Func<PutRequest, RpcServerCall, ValueTask<PutResponse>> Put { get; set; } = (_, _) => new(new PutResponse { Header = new() });

    public Func<LeaseKeepAliveRequest, ValueTask<LeaseKeepAliveResponse>> KeepAlive { get; set; } =
        request => new(new LeaseKeepAliveResponse { Header = new(), ID = request.ID, TTL = 10 });

    public Func<LeaseGrantRequest, LeaseGrantResponse> Grant { get; set; } = request => new LeaseGrantResponse { Header = new(), ID = 7, TTL = request.TTL };

    public Func<LeaseRevokeRequest, LeaseRevokeResponse> Revoke { get; set; } = _ => new LeaseRevokeResponse { Header = new() };

    public Func<MemberAddRequest, MemberAddResponse> MemberAdd { get; set; } = _ => new MemberAddResponse { Header = new(), Member = new() };

    public Func<MemberListResponse> MemberList { get; set; } = () => new MemberListResponse { Header = new() };

    /// <param name="time">The clock that deadlines of its callers run on: theirs, if it is not the true one.</param>
    public static async Task<ScriptedMember> StartAsync(TimeProvider? time = null)
    {
        var member = new ScriptedMember();
        var options = new RpcHostOptions { StopTimeout = TimeSpan.FromSeconds(1) };
        options.Server.Time = time ?? TimeProvider.System;
        options.Listen.Add(new RpcListenAddress(new IPEndPoint(IPAddress.Loopback, 0)));
        options.Services.Add(Service("KV")
            .Unary<RangeRequest, RangeResponse>("Range", (request, call) =>
            {
                Interlocked.Increment(ref member._calls);
                return member.Range(request, call);
            })
            .Unary<PutRequest, PutResponse>("Put", (request, call) =>
            {
                Interlocked.Increment(ref member._calls);
                return member.Put(request, call);
            }));
        var tokens = 0;
        options.Services.Add(Service("Auth")
            .Unary<AuthenticateRequest, AuthenticateResponse>("Authenticate", (_, _)
                => new(new AuthenticateResponse { Header = new(), Token = $"token-{Interlocked.Increment(ref tokens)}" })));
        options.Services.Add(Service("Maintenance")
            .Unary<StatusRequest, StatusResponse>("Status", async (_, call) =>
            {
                await member.Gate.WaitAsync(call.CancellationToken);
                if (member.RecognisesRequests)
                {
                    call.ResponseHeaders.Add("raftkv-features", "request-id");
                }

                return new StatusResponse { Header = new() { Revision = 30 }, Version = member.Version };
            }));
        options.Services.Add(Service("Lease")
            .Unary<LeaseGrantRequest, LeaseGrantResponse>("LeaseGrant", (request, _) => new(member.Grant(request)))
            .Unary<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse>(
                "LeaseTimeToLive", (request, _) => new(new LeaseTimeToLiveResponse { Header = new(), ID = request.ID, TTL = 50, GrantedTTL = 60 }))
            .Unary<LeaseRevokeRequest, LeaseRevokeResponse>("LeaseRevoke", (request, _) => new(member.Revoke(request)))
            .Duplex<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("LeaseKeepAlive", async (requests, responses, _) =>
            {
                await foreach (var request in requests)
                {
                    Interlocked.Increment(ref member._calls);
                    await responses.WriteAsync(await member.KeepAlive(request));
                }
            }));
        options.Services.Add(Service("Cluster")
            .Unary<MemberAddRequest, MemberAddResponse>("MemberAdd", (request, _) => new(member.MemberAdd(request)))
            .Unary<MemberListRequest, MemberListResponse>("MemberList", (_, _) => new(member.MemberList())));
        options.Services.Add(Service("Watch")
            .Duplex<WatchRequest, WatchResponse>("Watch", async (requests, responses, call) =>
            {
                var watch = new ScriptedWatch(responses);
                member._watches.Writer.TryWrite(watch);
                await watch.RunAsync(requests, call);
            }));
        member._host = await RpcHost.StartAsync(options, TestContext.Current.CancellationToken);
        return member;
    }

    /// <summary>The next watch stream that a client opens.</summary>
    public ValueTask<ScriptedWatch> WatchAsync() => _watches.Reader.ReadAsync(TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    private static RpcService Service(string name)
        => new(RpcReflection.Descriptor.Services.Single(service => service.Name == name));
}

/// <summary>The member's end of one watch stream.</summary>
internal sealed class ScriptedWatch(RpcResponseStream<WatchResponse> responses)
{
    private readonly Channel<WatchRequest> _requests = Channel.CreateUnbounded<WatchRequest>();
    private readonly TaskCompletionSource<RpcStatus> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the client has ended the stream.</summary>
    public Task Left { get; private set; } = null!;

    public async Task RunAsync(RpcRequestStream<WatchRequest> requests, RpcServerCall call)
    {
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Left = left.Task;
        using var onEnd = call.CancellationToken.UnsafeRegister(_ => left.TrySetResult(), null);
        var reading = ReadAsync(requests);
        await Task.WhenAny(_end.Task, left.Task);
        if (_end.Task.IsCompleted)
        {
            throw new RpcException(await _end.Task);
        }

        await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public ValueTask<WatchRequest> NextAsync() => _requests.Reader.ReadAsync(TestContext.Current.CancellationToken);

    /// <summary>The next creation, and confirms it.</summary>
    public async Task<WatchCreateRequest> CreateAsync(long revision = 10)
    {
        var request = await NextAsync();
        Assert.NotNull(request.CreateRequest);
        await SendAsync(new WatchResponse { Created = true, WatchId = request.CreateRequest.WatchId, Header = new() { Revision = revision } });
        return request.CreateRequest;
    }

    public async Task SendAsync(WatchResponse response)
    {
        response.Header ??= new();
        await responses.WriteAsync(response);
    }

    public Task EventsAsync(long id, bool isPart, params (long Revision, string Key)[] events)
        => SendAsync(new WatchResponse
        {
            WatchId = id,
            Fragment = isPart,
            Header = new() { Revision = events.Length > 0 ? events[^1].Revision : 0 },
            Events =
            {
                events.Select(one => new Event
                {
                    Kv = new Protocol.Mvcc.KeyValue { Key = ByteString.CopyFromUtf8(one.Key), ModRevision = one.Revision, CreateRevision = one.Revision },
                }),
            },
        });

    /// <summary>Ends the stream, as a member that stops does.</summary>
    public void Cut(RpcStatusCode code = RpcStatusCode.Unavailable, string text = "etcdserver: server stopped")
        => _end.TrySetResult(new RpcStatus(code, text));

    private async Task ReadAsync(RpcRequestStream<WatchRequest> requests)
    {
        await foreach (var request in requests)
        {
            _requests.Writer.TryWrite(request);
        }
    }
}
