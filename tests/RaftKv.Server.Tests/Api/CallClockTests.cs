using System.Diagnostics;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Server.Api;
using RaftKv.Server.Tests.Hosting;

namespace RaftKv.Server.Tests.Api;

/// <summary>Where a call spent its time.</summary>
public sealed class CallClockTests
{
    [Fact]
    public void What_no_stage_has_used_is_the_answers()
    {
        var stages = new CallStages(("queue", TimeSpan.FromMilliseconds(1)), ("log write", TimeSpan.FromMilliseconds(480.04)));

        Assert.Equal("log write", stages.Slowest(TimeSpan.FromMilliseconds(500)));
        Assert.Equal("queue 1.0 ms, log write 480.0 ms, answer 19.0 ms", stages.Text(TimeSpan.FromMilliseconds(500)));
        Assert.Equal("answer", stages.Slowest(TimeSpan.FromSeconds(2)));
        Assert.Equal("queue 1.0 ms, log write 480.0 ms, answer 0.0 ms", stages.Text(TimeSpan.FromMilliseconds(400)));
        Assert.Equal("answer", new CallStages().Slowest(TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public async Task The_stages_of_a_write_are_spans_of_the_callers_trace()
    {
        const string traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        var spans = new System.Collections.Concurrent.ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == RaftKvNode.TelemetryName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span =>
            {
                if (span.TraceId.ToHexString() == "0af7651916cd43dd8448eb211c80319c")
                {
                    spans.Enqueue(span);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using var cluster = await SmallCluster.StartAsync(
            1, options => options with { ListenClient = [new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0)] });
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [cluster[0].ClientEndPoints[0]] });
        var put = RpcMethod.Of<PutRequest, PutResponse>(RpcReflection.Descriptor.Services.Single(service => service.Name == "KV").FindMethodByName("Put"));
        await channel.UnaryAsync(
            put,
            new PutRequest { Key = ApiHost.Bytes("k") },
            new RpcCallOptions { Metadata = new RpcMetadata { { "traceparent", traceparent } }, CancellationToken = TestContext.Current.CancellationToken });

        Assert.Equal(["queue", "log write", "replication", "apply", "/etcdserverpb.KV/Put"], spans.Select(span => span.OperationName));
        var write = spans.Last();
        Assert.Equal("b7ad6b7169203331", write.ParentSpanId.ToHexString());
        Assert.All(spans.SkipLast(1), span =>
        {
            Assert.Equal(write.SpanId, span.ParentSpanId);
            Assert.InRange(span.StartTimeUtc, write.StartTimeUtc, write.StartTimeUtc + write.Duration);
        });
    }
}
