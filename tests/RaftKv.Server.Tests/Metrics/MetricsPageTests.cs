using System.Net;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Server.Tests.Hosting;
using RaftKv.Server.Tests.Peers;

namespace RaftKv.Server.Tests.Metrics;

/// <summary>The page that a real member shows.</summary>
public sealed class MetricsPageTests
{
    private static readonly HttpClient Http = new();

    /// <summary>What etcd's alerts and dashboard ask for, but for what only exists between members.</summary>
    public static readonly TheoryData<string, string> OfAlertsAndDashboards = new()
    {
        { "etcd_server_has_leader", "gauge" },
        { "etcd_server_leader_changes_seen_total", "counter" },
        { "grpc_server_handled_total", "counter" },
        { "grpc_server_handling_seconds", "histogram" },
        { "grpc_server_started_total", "counter" },
        { "etcd_network_peer_sent_failures_total", "counter" },
        { "etcd_network_peer_round_trip_time_seconds", "histogram" },
        { "etcd_network_peer_sent_bytes_total", "counter" },
        { "etcd_network_peer_received_bytes_total", "counter" },
        { "etcd_network_client_grpc_sent_bytes_total", "counter" },
        { "etcd_network_client_grpc_received_bytes_total", "counter" },
        { "etcd_server_proposals_failed_total", "counter" },
        { "etcd_server_proposals_pending", "gauge" },
        { "etcd_server_proposals_committed_total", "gauge" },
        { "etcd_server_proposals_applied_total", "gauge" },
        { "etcd_disk_wal_fsync_duration_seconds", "histogram" },
        { "etcd_disk_backend_commit_duration_seconds", "histogram" },
        { "etcd_mvcc_db_total_size_in_bytes", "gauge" },
        { "etcd_mvcc_db_total_size_in_use_in_bytes", "gauge" },
        { "etcd_server_quota_backend_bytes", "gauge" },
        { "process_resident_memory_bytes", "gauge" },
    };

    [Fact]
    public async Task What_alerts_and_dashboards_ask_for_is_there_and_true()
    {
        await using var cluster = await StartAsync(1);
        var node = cluster[0];
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [node.ClientEndPoints[0]] });
        var before = await PageAsync(node);
        for (var i = 0; i < 10; i++)
        {
            await channel.UnaryAsync(
                Method<PutRequest, PutResponse>("Put"), new PutRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8($"k{i}") }, Options());
        }

        await channel.UnaryAsync(
            Method<RangeRequest, RangeResponse>("Range"), new RangeRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8("k1") }, Options());
        await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(Method<PutRequest, PutResponse>("Put"), new PutRequest(), Options()));

        // A call counts as ended when its last byte is written, which its client may see first.
        const string puts = "grpc_method=Put,grpc_service=etcdserverpb.KV,grpc_type=unary";
        var page = await PageAsync(node);
        await TestMember.Until(() => (page = PageNow(node))[$"grpc_server_handled_total{{grpc_code=InvalidArgument,{puts}}}"] == 1);
        foreach (var (name, type) in OfAlertsAndDashboards.Select(row => row.Data))
        {
            Assert.Equal(type, page.TypeOf(name));
        }

        Assert.Equal(11, page[$"grpc_server_started_total{{{puts}}}"]);
        Assert.Equal(11, page[$"grpc_server_msg_received_total{{{puts}}}"]);
        Assert.Equal(10, page[$"grpc_server_msg_sent_total{{{puts}}}"]);
        Assert.Equal(10, page[$"grpc_server_handled_total{{grpc_code=OK,{puts}}}"]);
        Assert.Equal(11, page[$"grpc_server_handling_seconds_count{{{puts}}}"]);
        Assert.Equal(10, page["etcd_mvcc_put_total"] - before["etcd_mvcc_put_total"]);
        Assert.Equal(1, page["etcd_mvcc_range_total"]);
        Assert.Equal(1, page["etcd_server_has_leader"]);
        Assert.Equal(1, page["etcd_server_is_leader"]);
        Assert.Equal(2147483648, page["etcd_server_quota_backend_bytes"]);
        Assert.Equal(11, page["etcd_debugging_mvcc_current_revision"]);
        Assert.Equal(-1, page["etcd_debugging_mvcc_compact_revision"]);
        Assert.InRange(page["etcd_disk_wal_fsync_duration_seconds_count"] - before["etcd_disk_wal_fsync_duration_seconds_count"], 1, 1000);
        Assert.InRange(page["etcd_disk_backend_commit_duration_seconds_count"], 1, double.MaxValue);
        Assert.InRange(page["etcd_mvcc_db_total_size_in_use_in_bytes"], 1, page["etcd_server_quota_backend_bytes"]);
        Assert.InRange(page["process_resident_memory_bytes"], 1_000_000, double.MaxValue);
        Assert.Equal(1, page[$"etcd_server_id{{server_id={node.Member.Self}}}"]);
        Assert.Equal(1, page["etcd_server_version{server_version=3.6.14}"]);
        Assert.Equal(1, page["etcd_cluster_version{cluster_version=3.6}"]);
    }

    [Fact]
    public async Task Every_method_counts_from_zero()
    {
        await using var cluster = await StartAsync(1);
        var page = await PageAsync(cluster[0]);

        Assert.Equal(0, page["grpc_server_started_total{grpc_method=Watch,grpc_service=etcdserverpb.Watch,grpc_type=bidi_stream}"]);
        Assert.Equal(0, page["grpc_server_started_total{grpc_method=LeaseKeepAlive,grpc_service=etcdserverpb.Lease,grpc_type=bidi_stream}"]);
        Assert.Equal(0, page["grpc_server_handled_total{grpc_code=Unavailable,grpc_method=Snapshot,grpc_service=etcdserverpb.Maintenance,grpc_type=server_stream}"]);
        Assert.Equal(0, page["etcd_server_healthchecks_total{name=linearizable_read,status=success,type=readyz}"]);
    }

    [Fact]
    public async Task Times_of_calls_are_there_only_if_asked_for()
    {
        await using var cluster = await StartAsync(1, extensive: false);

        Assert.DoesNotContain("grpc_server_handling_seconds", (await PageAsync(cluster[0])).Families);
    }

    [Fact]
    public async Task Members_count_what_they_say_to_each_other()
    {
        await using var cluster = await StartAsync(3);
        await SmallCluster.PutAsync(cluster[0], "k", "v");

        // Two followers may have nothing to say to each other.
        var node = cluster[await cluster.FindAsync(isLeader: true)];
        var peer = cluster.Running.First(one => one != node).Member.Self;

        await TestMember.Until(() => PageNow(node)[$"etcd_network_peer_round_trip_time_seconds_count{{To={peer}}}"] > 0);
        var page = await PageAsync(node);
        Assert.InRange(page[$"etcd_network_peer_sent_bytes_total{{To={peer}}}"], 1, double.MaxValue);
        Assert.InRange(page[$"etcd_network_peer_received_bytes_total{{From={peer}}}"], 1, double.MaxValue);
        await TestMember.Until(() => PageNow(node)[$"etcd_network_active_peers{{Local={node.Member.Self},Remote={peer}}}"] == 1);
        Assert.Equal(2, page.SeriesOf("etcd_network_known_peers").Count());
        await TestMember.Until(() => cluster.Running.Count(one => PageNow(one)["etcd_server_is_leader"] == 1) == 1);
    }

    [Fact]
    public async Task The_port_for_metrics_has_health_as_well_and_nothing_else()
    {
        await using var cluster = await StartAsync(1);
        var port = cluster[0].MetricsEndPoints[0];
        foreach (var path in new[] { "/health", "/livez", "/readyz", "/readyz/linearizable_read" })
        {
            using var answer = await Http.GetAsync(new Uri(port, path), Stop);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Stop));
        }

        using var body = new StringContent("{}");
        Assert.Equal(HttpStatusCode.NotFound, (await Http.PostAsync(new Uri(port, "/v3/kv/range"), body, Stop)).StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await Http.PostAsync(new Uri(port, "/metrics"), body, Stop)).StatusCode);
        var page = PrometheusPage.Parse(await Http.GetStringAsync(new Uri(port, "/metrics"), Stop));
        Assert.Equal(1, page["etcd_server_health_success"]);
        Assert.Equal(0, page["etcd_server_health_failures"]);
        Assert.Equal(1, page["etcd_server_healthcheck{name=non_learner,type=readyz}"]);
        Assert.Equal(2, page["etcd_server_healthchecks_total{name=linearizable_read,status=success,type=readyz}"]);
    }

    [Fact]
    public async Task Plain_http_under_a_name_that_was_not_allowed_is_turned_away()
    {
        await using var cluster = await StartAsync(1, hosts: ["localhost", "store.example"]);
        var port = cluster[0].ClientEndPoints[0];
        foreach (var path in new[] { "/health", "/metrics", "/version", "/v3/kv/range" })
        {
            Assert.Equal(HttpStatusCode.MisdirectedRequest, await StatusAsync(port, path, "evil.example"));
            Assert.NotEqual(HttpStatusCode.MisdirectedRequest, await StatusAsync(port, path, $"store.example:{port.Port}"));
        }

        // gRPC is no plain HTTP: its clients name the member as they like.
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [port] });
        await channel.UnaryAsync(
            Method<PutRequest, PutResponse>("Put"), new PutRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8("k") }, Options());
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static async Task<SmallCluster> StartAsync(int members, bool extensive = true, string[]? hosts = null)
    {
        var cluster = await SmallCluster.StartAsync(members, options => options with
        {
            ListenClient = [new IPEndPoint(IPAddress.Loopback, 0)],
            ListenMetrics = [new IPEndPoint(IPAddress.Loopback, 0)],
            HasExtensiveMetrics = extensive,
            AllowedHosts = hosts ?? [],
        });
        await Task.WhenAll(cluster.Running.Select(node => node.WaitUntilReadyAsync(Stop)));
        return cluster;
    }

    private static async Task<HttpStatusCode> StatusAsync(Uri port, string path, string host)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(port, path));
        request.Headers.Host = host;
        using var response = await Http.SendAsync(request, Stop);
        return response.StatusCode;
    }

    private static async Task<PrometheusPage> PageAsync(RaftKvNode node)
    {
        using var response = await Http.GetAsync(new Uri(node.ClientEndPoints[0], "/metrics"), Stop);
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        return PrometheusPage.Parse(await response.Content.ReadAsStringAsync(Stop));
    }

    private static PrometheusPage PageNow(RaftKvNode node)
#pragma warning disable VSTHRD002 // Within a condition that is looked at again and again.
        => PageAsync(node).GetAwaiter().GetResult();
#pragma warning restore VSTHRD002

    private static RpcCallOptions Options() => new() { CancellationToken = Stop };

    private static RpcMethod<TRequest, TResponse> Method<TRequest, TResponse>(string name)
        where TRequest : Google.Protobuf.IMessage<TRequest>, new()
        where TResponse : Google.Protobuf.IMessage<TResponse>, new()
        => RpcMethod.Of<TRequest, TResponse>(RpcReflection.Descriptor.Services.Single(service => service.Name == "KV").FindMethodByName(name));
}
