using System.Collections.Concurrent;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Server.Tests.Peers;
using RaftKv.Storage.State;
using AlarmAction = RaftKv.Protocol.Etcd.AlarmRequest.Types.AlarmAction;

namespace RaftKv.Server.Tests.Hosting;

/// <summary>The quota of a member that works: filled, cleared and filled again while clients write.</summary>
public sealed class QuotaUnderLoadTests
{
    private const long Quota = 2 * 1024 * 1024;
    private const int Writers = 8;

    private static readonly ByteString Value = ByteString.CopyFrom(new byte[16 * 1024]);

    // With their revisions.
    private readonly ConcurrentDictionary<string, long> _acknowledged = new();
    private readonly ConcurrentDictionary<string, bool> _refused = new();

    [Fact]
    public async Task The_quota_is_filled_cleared_and_filled_again_while_clients_write()
    {
        await using var cluster = await SmallCluster.StartAsync(1, options => ClientCalls.WithPort(options) with { QuotaBytes = Quota });
        var member = cluster[0].Member;
        await using var calls = new ClientCalls(cluster[0]);
        using var done = new CancellationTokenSource();
        var writers = Enumerable.Range(0, Writers).Select(i => WriteAsync(cluster[0], i, done.Token)).ToArray();
        var deletedAt = 0L;
        for (var round = 0; round < 3; round++)
        {
            // Writers fill it, and go on trying.
            var refusedBefore = _refused.Count;
            await TestMember.Until(() => IsFull() && _refused.Count >= refusedBefore + (2 * Writers) || writers.Any(writer => writer.IsFaulted));
            Assert.All(writers, writer => Assert.False(writer.IsFaulted, writer.Exception?.ToString()));
            var alarms = await calls.CallAsync<AlarmRequest, AlarmResponse>("Maintenance", "Alarm", new AlarmRequest { Action = AlarmAction.Get });
            Assert.Equal(AlarmType.Nospace, Assert.Single(alarms.Alarms).Alarm);
            Assert.InRange(member.Space.Needed, Quota / 2, Quota + (Writers * 32 * 1024)); // What was under way may pass.

            // What was acknowledged is there, reads and deletes go on; the alarm stands as long as history holds the space.
            var kept = _acknowledged.First(one => one.Value > deletedAt).Key;
            Assert.Equal(Value, await calls.GetAsync(kept));
            var deleted = await calls.CallAsync<DeleteRangeRequest, DeleteRangeResponse>(
                "KV", "DeleteRange", new DeleteRangeRequest { Key = ByteString.CopyFromUtf8("w"), RangeEnd = ByteString.CopyFromUtf8("x") });
            Assert.InRange(deleted.Deleted, 1, long.MaxValue);
            Assert.True(IsFull());
            Assert.Null(await calls.GetAsync(kept));
            deletedAt = deleted.Header.Revision;

            await calls.CallAsync<CompactionRequest, CompactionResponse>(
                "KV", "Compact", new CompactionRequest { Revision = deletedAt });

            // Nobody disarms it. It goes by itself, and writers are let in again; they may have filled it anew before anybody looks.
            await TestMember.Until(() => _acknowledged.Values.Count(revision => revision > deletedAt) >= Writers);
        }

        await done.CancelAsync();
        await Task.WhenAll(writers);
        var all = await calls.CallAsync<RangeRequest, RangeResponse>(
            "KV", "Range", new RangeRequest { Key = ByteString.CopyFromUtf8("w"), RangeEnd = ByteString.CopyFromUtf8("x"), KeysOnly = true });
        var present = all.Kvs.Select(pair => pair.Key.ToStringUtf8()).ToHashSet(StringComparer.Ordinal);
        Assert.Superset(_acknowledged.Where(one => one.Value > deletedAt).Select(one => one.Key).ToHashSet(StringComparer.Ordinal), present);
        Assert.DoesNotContain(_refused.Keys, present.Contains); // Refused is refused.

        bool IsFull() => member.Alarms.Any(alarm => alarm.Kind == AlarmKind.NoSpace);
    }

    // Every try has a key of its own, so that what is there tells which ones took effect.
    private async Task WriteAsync(RaftKvNode node, int writer, CancellationToken done)
    {
        await using var calls = new ClientCalls(node);
        for (var i = 0; !done.IsCancellationRequested; i++)
        {
            var key = $"w{writer}-{i:d8}";
            try
            {
                _acknowledged[key] = (await calls.PutAsync(key, Value)).Header.Revision;
            }
            catch (RpcException refused) when (refused.Code == RpcStatusCode.ResourceExhausted)
            {
                Assert.Equal("etcdserver: mvcc: database space exceeded", refused.Status.Detail);
                _refused[key] = true;
                await Task.Delay(5, CancellationToken.None);
            }
        }
    }
}
