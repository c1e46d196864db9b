using System.Net;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Server.Api;
using RaftKv.Server.Tests.Peers;

namespace RaftKv.Server.Tests.Api;

/// <summary>What goes on, and what is refused, at a member that has too much to do.</summary>
public sealed class OverloadTests
{
    [Fact]
    public async Task Reads_and_writes_are_refused_for_certain_and_leases_go_on()
    {
        await using var api = await ApiHost.StartAsync(new ApiOptions { MaxPendingReads = 1, MaxPendingWriteBytes = 1 });
        var lease = await api.CallAsync<LeaseGrantResponse>("Lease/LeaseGrant", new LeaseGrantRequest { TTL = 60 });
        var gate = new TaskCompletionSource();
        api.Member.Gate = gate.Task;
        var read = api.GetAsync("k");
        await TestMember.Until(() => api.Member.QuorumWaits == 1);
        var write = api.PutAsync("k");
        await TestMember.Until(() => api.Gate.WriteBytes > 0);

        Assert.Equal(ApiErrors.TooManyRequests, await api.RefusedAsync("KV/Range", new RangeRequest { Key = ApiHost.Bytes("k") }));
        var txn = new TxnRequest { Success = { new RequestOp { RequestRange = new RangeRequest { Key = ApiHost.Bytes("k") } } } };
        Assert.Equal(ApiErrors.TooManyRequests, await api.RefusedAsync("KV/Txn", txn));
        Assert.Equal(ApiErrors.TooManyRequests, await api.RefusedAsync("KV/Put", new PutRequest { Key = ApiHost.Bytes("l") }));
        var left = await api.CallAsync<LeaseTimeToLiveResponse>("Lease/LeaseTimeToLive", new LeaseTimeToLiveRequest { ID = lease.ID });
        Assert.InRange(left.TTL, 1, 60);

        gate.SetResult();
        await Task.WhenAll(read, write);
        await api.GetAsync("k");
        await api.PutAsync("l");
    }

    [Fact]
    public async Task Lists_are_refused_while_clients_do_not_take_what_they_asked_for()
    {
        await using var api = await ApiHost.StartAsync(new ApiOptions { MaxPendingReadBytes = 1_000_000 });
        for (var i = 0; i < 4; i++)
        {
            await api.PutAsync($"k{i}", new string('x', 1_000_000));
        }

        var all = new RangeRequest { Key = ApiHost.Bytes("k"), RangeEnd = ApiHost.Bytes("l") };
        var txn = new TxnRequest { Success = { new RequestOp { RequestRange = all } } };
        using (await OpenAnswerAsync(api.Address, all))
        {
            Assert.InRange(api.Gate.AnswerBytes, 4_000_000, 4_100_000);
            Assert.Equal(ApiErrors.TooManyRequests, await api.RefusedAsync("KV/Range", all));
            Assert.Equal(ApiErrors.TooManyRequests, await api.RefusedAsync("KV/Txn", txn));
            Assert.Equal(1_000_000, (await api.GetAsync("k1")).Kvs[0].Value.Length);
            await api.PutAsync("l");
        }

        // Who hangs up leaves nothing.
        await TestMember.Until(() => api.Gate.AnswerBytes == 0);
        Assert.Equal(4, (await api.CallAsync<RangeResponse>("KV/Range", all)).Kvs.Count);
        Assert.Equal(4, (await api.CallAsync<TxnResponse>("KV/Txn", txn)).Responses[0].ResponseRange.Kvs.Count);
        await TestMember.Until(() => api.Gate.AnswerBytes == 0);
    }

    // The client reads no further than where the answer begins, and HTTP/2 lets the member send little more.
    private static async Task<IDisposable> OpenAnswerAsync(Uri address, RangeRequest request)
    {
        var http = new HttpClient();
        var message = new HttpRequestMessage(HttpMethod.Post, new Uri(address, "/etcdserverpb.KV/Range"))
        {
            Content = new ByteArrayContent([0, 0, 0, 0, (byte)request.CalculateSize(), .. request.ToByteArray()]),
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        message.Content.Headers.ContentType = new("application/grpc");
        message.Headers.TE.Add(new("trailers"));
        var answer = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        return new Opened(http, message, answer);
    }

    private sealed record Opened(HttpClient Http, HttpRequestMessage Message, HttpResponseMessage Answer) : IDisposable
    {
        public void Dispose()
        {
            Answer.Dispose();
            Message.Dispose();
            Http.Dispose();
        }
    }
}
