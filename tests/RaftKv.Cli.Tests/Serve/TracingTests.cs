using RaftKv.Cli.Tests.Commands;
using RaftKv.Client;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.Cli.Tests.Serve;

/// <summary>A member sends the stages of its writes to a collector of OpenTelemetry.</summary>
public sealed class TracingTests : IDisposable
{
    private static readonly string[] Stages = ["queue", "log write", "replication", "apply"];

    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-traces-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Writes_are_spans_with_their_stages_inside()
    {
        await using var collector = await FakeCollector.StartAsync();
        await using var member = await MemberProcess.StartAloneAsync(
            Path.Join(_folder, "a"),
            "--enable-distributed-tracing",
            $"--distributed-tracing-address={collector.Address}",
            "--distributed-tracing-service-name=our-etcd",
            "--distributed-tracing-instance-id=a1",
            "--distributed-tracing-sampling-rate=1000000");
        for (var i = 0; i < 5; i++)
        {
            var put = await CommandRun.OfAsync("--endpoints", member.Clients, "put", $"k{i}", "v");
            Assert.True(put.Code == 0, put.Error);
        }

        // Five puts, with four stages each; the member's own writes are no calls.
        await UntilAsync(() => collector.Spans.Count >= 25);
        Assert.Equal(0, await member.StopAsync());
        var puts = collector.Spans.Where(span => span.Name == "/etcdserverpb.KV/Put").ToList();
        Assert.Equal(5, puts.Count);
        Assert.Equal(5, puts.Select(span => span.Trace).Distinct().Count());
        foreach (var put in puts)
        {
            Assert.Equal(("our-etcd", "a1", ""), (put.Service, put.Instance, put.Parent));
            var stages = collector.Spans.Where(span => span.Parent == put.Id).ToList();
            Assert.Equal(Stages, stages.Select(span => span.Name));
            Assert.All(stages, stage => Assert.Equal(put.Trace, stage.Trace));
            Assert.All(stages, stage => Assert.InRange(stage.Ended, stage.Began, put.Ended + 1_000));
        }
    }

    [Fact]
    public async Task A_write_that_belongs_to_a_trace_decides_itself_whether_it_is_sent()
    {
        const string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        await using var collector = await FakeCollector.StartAsync();
        await using var member = await MemberProcess.StartAloneAsync(
            Path.Join(_folder, "a"), "--experimental-enable-distributed-tracing", $"--experimental-distributed-tracing-address={collector.Address}");
        await using (var channel = new RpcChannel(new RpcChannelOptions { Addresses = [new(member.Clients)] }))
        {
            foreach (var flags in (string[])["01", "00"])
            {
                var metadata = new RpcMetadata { { "traceparent", $"00-{trace}-00f067aa0ba902b7-{flags}" } };
                await channel.UnaryAsync(
                    EtcdMethods.Put,
                    new Protocol.Etcd.PutRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8(flags) },
                    new RpcCallOptions { Metadata = metadata, CancellationToken = TestContext.Current.CancellationToken });
            }
        }

        Assert.Equal(0, (await CommandRun.OfAsync("--endpoints", member.Clients, "put", "k", "v")).Code);
        await UntilAsync(() => collector.Spans.Any(span => span.Name == "/etcdserverpb.KV/Put"));
        Assert.Equal(0, await member.StopAsync());
        var sent = Assert.Single(collector.Spans, span => span.Name == "/etcdserverpb.KV/Put");
        Assert.Equal((trace, "00f067aa0ba902b7", "etcd"), (sent.Trace, sent.Parent, sent.Service));
    }

    [Fact]
    public async Task A_collector_that_is_not_there_is_told_of_in_the_log_and_holds_nothing_up()
    {
        await using var member = await MemberProcess.StartAloneAsync(
            Path.Join(_folder, "a"), "--enable-distributed-tracing", $"--distributed-tracing-address=127.0.0.1:{FreePorts.Find(1)[0]}", "--distributed-tracing-sampling-rate=1000000");
        Assert.Equal(0, (await CommandRun.OfAsync("--endpoints", member.Clients, "put", "k", "v")).Code);
        await UntilAsync(() => member.Errors.Contains("Traces do not get to their collector", StringComparison.Ordinal));
        Assert.Equal(0, await member.StopAsync());
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(2));
        while (!condition())
        {
            await Task.Delay(50, patience.Token);
        }
    }
}
