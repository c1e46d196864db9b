using System.Net;
using Google.Protobuf;
using Grpc.Health.V1;
using RaftKv.Raft;
using RaftKv.Rpc;
using RaftKv.Server.Api;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace RaftKv.Server.Tests.Api;

/// <summary>What probes are told, over gRPC and over plain HTTP.</summary>
public sealed class MemberHealthTests : IAsyncLifetime
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly HttpClient _http = new();
    private ApiHost _api = null!;

    public async ValueTask InitializeAsync() => _api = await ApiHost.StartAsync();

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return _api.DisposeAsync();
    }

    [Fact]
    public async Task The_server_serves_as_long_as_it_runs_and_services_while_there_is_a_leader()
    {
        Assert.Equal([ServingStatus.Serving, ServingStatus.Serving], await StatusesAsync("", "etcdserverpb.KV"));
        _api.Member.Status = _api.Member.Status with { Leader = NodeId.None };
        _api.Time.Advance(Interval);

        Assert.Equal([ServingStatus.Serving, ServingStatus.NotServing], await StatusesAsync("", "etcdserverpb.KV"));
        _api.Member.Status = _api.Member.Status with { Leader = LoneMember.Id };
        _api.Time.Advance(Interval);
        Assert.Equal([ServingStatus.Serving, ServingStatus.Serving], await StatusesAsync("", "etcdserverpb.KV"));
    }

    [Fact]
    public async Task Corrupt_data_is_not_served_and_a_full_disk_is_emptied_by_those_who_are()
    {
        _api.Member.Propose(new AlarmCommand(AlarmAction.Activate, LoneMember.Id, AlarmKind.NoSpace));
        _api.Time.Advance(Interval);
        Assert.Equal([ServingStatus.Serving], await StatusesAsync("etcdserverpb.KV"));

        _api.Member.Propose(new AlarmCommand(AlarmAction.Activate, LoneMember.Id, AlarmKind.Corrupt));
        _api.Time.Advance(Interval);
        Assert.Equal([ServingStatus.Serving, ServingStatus.NotServing], await StatusesAsync("", "etcdserverpb.KV"));
    }

    [Fact]
    public async Task A_certificate_that_has_expired_is_named()
    {
        var end = _api.Time.GetUtcNow().AddDays(1);
        _api.Member.Certificates = [new("--cert-file", "/etc/a.crt", "CN=a", end)];
        using var health = new MemberHealth(_api.Member, new ApiOptions(), _api.Time);
        Assert.Null(await health.CertificatesAsync(TestContext.Current.CancellationToken));

        _api.Time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(
            $"--cert-file: the certificate 'CN=a' in /etc/a.crt expired on {end.UtcDateTime:u}",
            await health.CertificatesAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Nobody_knows_a_service_that_is_not_there()
        => Assert.Equal(new RpcStatus(RpcStatusCode.NotFound, "unknown service"), await CheckRefusedAsync("nobody"));

    [Fact]
    public async Task A_learner_refuses_this_like_everything_else()
    {
        _api.Member.Status = _api.Member.Status with { IsLearner = true };

        Assert.Equal(ApiErrors.NotSupportedForLearner, await CheckRefusedAsync(""));
    }

    [Fact]
    public async Task Health_is_true_with_no_reason()
    {
        using var response = await GetAsync("/health");

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType!.ToString());
        Assert.Equal("""{"health":"true","reason":""}""", await TextAsync(response));
        Assert.Equal(1, _api.Member.QuorumWaits);
    }

    [Fact]
    public async Task Health_names_the_first_reason_in_etcds_order()
    {
        _api.Member.Refusal = RequestRefusal.TimedOut;
        await IllAsync("/health", "RANGE ERROR:etcdserver: request timed out");
        await WellAsync("/health?serializable=true");

        _api.Member.Status = _api.Member.Status with { Leader = NodeId.None };
        await IllAsync("/health", "RAFT NO LEADER");
        await WellAsync("/health?serializable=true");

        _api.Member.Propose(new AlarmCommand(AlarmAction.Activate, LoneMember.Id, AlarmKind.Corrupt));
        await IllAsync("/health", "ALARM CORRUPT");
        _api.Member.Propose(new AlarmCommand(AlarmAction.Activate, LoneMember.Id, AlarmKind.NoSpace));
        await IllAsync("/health", "ALARM NOSPACE");
        await IllAsync("/health?serializable=true", "ALARM NOSPACE");
        await IllAsync("/health?exclude=NOSPACE", "ALARM CORRUPT");
        await IllAsync("/health?exclude=NOSPACE&exclude=CORRUPT", "RAFT NO LEADER");
        await WellAsync("/health?exclude=NOSPACE&exclude=CORRUPT&serializable=true");
    }

    [Theory]
    [InlineData("/livez")]
    [InlineData("/readyz")]
    [InlineData("/livez/serializable_read")]
    [InlineData("/readyz/data_corruption")]
    [InlineData("/readyz/serializable_read")]
    [InlineData("/readyz/linearizable_read")]
    [InlineData("/readyz/non_learner")]
    public async Task A_check_that_passes_says_so_in_two_letters(string path)
    {
        using var response = await GetAsync(path);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("ok\n", await TextAsync(response));
        Assert.Equal("text/plain; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        Assert.Equal(["nosniff"], response.Headers.GetValues("X-Content-Type-Options"));
    }

    [Fact]
    public async Task Whoever_wants_to_know_more_is_told_each_check()
    {
        Assert.Equal("[+]serializable_read ok\nok\n", await BodyAsync("/livez?verbose"));
        Assert.Equal(
            "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n", await BodyAsync("/readyz?verbose"));
        Assert.Equal(
            "[+]data_corruption ok\n[+]non_learner ok\nok\n",
            await BodyAsync("/readyz?verbose&exclude=serializable_read&exclude=linearizable_read&exclude=nonsense"));
    }

    [Fact]
    public async Task A_member_that_is_not_ready_says_what_is_wrong_and_lives_on()
    {
        _api.Member.Refusal = RequestRefusal.LeaderChanged;
        _api.Member.Status = _api.Member.Status with { IsLearner = true };
        _api.Member.Propose(new AlarmCommand(AlarmAction.Activate, LoneMember.Id, AlarmKind.Corrupt));

        using var response = await GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal(
            "[-]data_corruption failed: alarm activated: CORRUPT\n[+]serializable_read ok\n"
                + "[-]linearizable_read failed: etcdserver: leader changed\n[-]non_learner failed: not supported for learner\n\n",
            await TextAsync(response));
        Assert.Equal("ok\n", await BodyAsync("/readyz?exclude=data_corruption&exclude=linearizable_read&exclude=non_learner"));
        Assert.Equal("ok\n", await BodyAsync("/livez"));
        using var alone = await GetAsync("/readyz/non_learner");
        Assert.Equal("[-]non_learner failed: not supported for learner\n\n", await TextAsync(alone));
    }

    [Theory]
    [InlineData("/health")]
    [InlineData("/readyz")]
    [InlineData("/livez/serializable_read")]
    [InlineData("/version")]
    public async Task They_are_only_to_be_read(string path)
    {
        using var response = await _http.PostAsync(new Uri(_api.Address, path), null, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal(["GET"], response.Content.Headers.Allow);
        Assert.Equal("Method Not Allowed\n", await TextAsync(response));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/health/")]
    [InlineData("/health/KV")]
    [InlineData("/livez/linearizable_read")]
    [InlineData("/Version")]
    public async Task There_is_nothing_else(string path)
    {
        using var response = await GetAsync(path);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Fact]
    public async Task The_version_is_etcds_with_ours_beside_it()
        => Assert.Matches(
            """^\{"etcdserver":"3\.6\.14","etcdcluster":"3\.6\.0","storage":"3\.6\.0","raftkv":"[0-9][^"+]*"\}$""", await BodyAsync("/version"));

    private async Task<ServingStatus[]> StatusesAsync(params string[] services)
    {
        var statuses = new List<ServingStatus>();
        foreach (var service in services)
        {
            var bytes = await CheckAsync(service);
            statuses.Add(HealthCheckResponse.Parser.ParseFrom(bytes).Status);
        }

        return [.. statuses];
    }

    private async Task<RpcStatus> CheckRefusedAsync(string service)
        => (await Assert.ThrowsAsync<RpcException>(() => CheckAsync(service))).Status;

    private async Task<byte[]> CheckAsync(string service)
        => System.Buffers.BuffersExtensions.ToArray(await _api.Channel.UnaryAsync(
            RpcMethod.OfBytes(HealthReflection.Descriptor.Services[0].FindMethodByName("Check")),
            new System.Buffers.ReadOnlySequence<byte>(new HealthCheckRequest { Service = service }.ToByteArray()),
            new Rpc.Client.RpcCallOptions { CancellationToken = TestContext.Current.CancellationToken }));

    private async Task IllAsync(string path, string reason)
    {
        using var response = await GetAsync(path);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal("text/plain; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        Assert.Equal($$"""{"health":"false","reason":"{{reason}}"}""" + "\n", await TextAsync(response));
    }

    private async Task WellAsync(string path) => Assert.Equal("""{"health":"true","reason":""}""", await BodyAsync(path));

    private async Task<string> BodyAsync(string path)
    {
        using var response = await GetAsync(path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await TextAsync(response);
    }

    private Task<HttpResponseMessage> GetAsync(string path) => _http.GetAsync(new Uri(_api.Address, path), TestContext.Current.CancellationToken);

    private static Task<string> TextAsync(HttpResponseMessage response) => response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
}
