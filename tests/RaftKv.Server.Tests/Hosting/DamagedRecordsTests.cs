using Google.Protobuf;
using RaftKv.Rpc;
using RaftKv.Server.Hosting;
using RaftKv.Server.Tests.Peers;
using RaftKv.Server.Tests.Tls;
using RaftKv.Storage.Records;

namespace RaftKv.Server.Tests.Hosting;

/// <summary>Bytes of a member's record store change on its disk: it is noticed, told with the place, and mended.</summary>
public sealed class DamagedRecordsTests : IDisposable
{
    // More than twice what stays in memory, so that the first of them lie on the disk alone.
    private const int Memory = 8 * 1024 * 1024;
    private const int Keys = 45;
    private const int ValueBytes = 400_000;

    private readonly CollectedLog _log = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _log.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_member_that_reads_a_damaged_record_takes_over_a_state_of_the_others(bool isLeader)
    {
        await using var cluster = await StartAsync(3);
        await FillAsync(cluster[0]);
        var harmed = await cluster.FindAsync(isLeader);
        await TestMember.Until(() => cluster[harmed].Member.Status.AppliedIndex >= cluster[0].Member.Status.AppliedIndex);
        var (path, _) = Spoil(cluster.DataPath(harmed));

        // Whoever reads it is not told anything wrong, but to go elsewhere.
        var member = (RunningMember)cluster[harmed].Member;
        await using var calls = new ClientCalls(cluster[harmed]);
        var refused = await Assert.ThrowsAsync<RpcException>(() => calls.GetAsync(Key(0), isSerializable: true));
        Assert.True(refused.Code == RpcStatusCode.Unavailable, $"{refused}\n{string.Join('\n', _log.Lines)}");
        Assert.Contains("is being mended", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Contains(_log.Lines, line => line.Contains("cannot be read", StringComparison.Ordinal) && line.Contains($"{path} at offset ", StringComparison.Ordinal));

        await TestMember.Until(() => member.Mending.MendedCount == 1);
        await TestMember.Until(() => cluster.Running.All(node => node.Member.Alarms.IsEmpty && !node.Member.IsOutOfService));
        await AssertHoldsAllAsync(calls);
        await WriteAsync(cluster[harmed], "after", "v");
        Assert.Equal(0, cluster.Running.Where(node => node.Member != member).Sum(node => ((RunningMember)node.Member).Mending.MendedCount));
    }

    [Fact]
    public async Task A_member_that_is_alone_says_that_a_record_is_lost_and_goes_on_with_the_rest()
    {
        await using var cluster = await StartAsync(1);
        await FillAsync(cluster[0]);
        Spoil(cluster.DataPath(0));

        await using var calls = new ClientCalls(cluster[0]);
        var lost = await Assert.ThrowsAsync<RpcException>(() => calls.GetAsync(Key(0)));
        Assert.Equal(RpcStatusCode.DataLoss, lost.Code);
        Assert.Equal(Value(Keys - 1), await calls.GetAsync(Key(Keys - 1)));
        await calls.PutAsync("after", ByteString.CopyFromUtf8("v"));
        Assert.False(cluster[0].Member.IsOutOfService);
    }

    [Fact]
    public async Task A_member_whose_records_were_damaged_while_it_was_stopped_does_not_start_and_is_replaced()
    {
        await using var cluster = await StartAsync(3);
        await FillAsync(cluster[0]);
        await CheckpointTwiceAsync(cluster, 2);
        var id = cluster[2].Member.Self;
        await cluster.StopAsync(2);
        var (path, offset) = Spoil(cluster.DataPath(2));

        var refusal = await Assert.ThrowsAsync<RecordStoreDamagedException>(() => cluster.StartAsync(2));
        Assert.Equal(path, refusal.Path);
        Assert.InRange(refusal.Offset, 0, offset);
        Assert.Contains($"{path} at offset {refusal.Offset}", refusal.Message, StringComparison.Ordinal);

        // As the documentation says: out with the member, in with a new one, which begins empty.
        await cluster.RemoveAsync(id);
        var added = await cluster.JoinAsync();
        await TestMember.Until(() => !cluster[added].Member.Status.IsLearner);
        await using var calls = new ClientCalls(cluster[added]);
        await AssertHoldsAllAsync(calls);
    }

    private Task<SmallCluster> StartAsync(int members) => SmallCluster.StartAsync(members, options => ClientCalls.WithPort(options) with
    {
        RecordMemoryBytes = Memory,
        Loggers = _log,
        Applier = options.Applier with { CheckpointEntries = 10 },
    });

    private static string Key(int i) => $"k{i:d4}";

    private static ByteString Value(int i)
    {
        var bytes = new byte[ValueBytes];
        new Random(i).NextBytes(bytes);
        return ByteString.CopyFrom(bytes);
    }

    private static async Task FillAsync(RaftKvNode node)
    {
        await using var calls = new ClientCalls(node);
        for (var i = 0; i < Keys; i++)
        {
            var (key, value) = (Key(i), Value(i));
            await ClientCalls.SurelyAsync(() => calls.PutAsync(key, value));
        }
    }

    // In the midst of the first record.
    private static (string Path, long Offset) Spoil(string dataPath)
    {
        const long offset = 200_000;
        var path = Directory.GetFiles(Path.Join(dataPath, "state"), "0000000000000000.faster", SearchOption.AllDirectories).Single();
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        file.Position = offset;
        var was = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(was ^ 0x10));
        return (path, offset);
    }

    // After the second one that it sees, one was begun after all that was there when this was called.
    private static async Task CheckpointTwiceAsync(SmallCluster cluster, int index)
    {
        var applied = cluster[0].Member.Status.AppliedIndex;
        await TestMember.Until(() => cluster[index].Member.Status.AppliedIndex >= applied);
        var path = Path.Join(cluster.DataPath(index), "state", "CHECKPOINT");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; seen.Count < 3; i++)
        {
            await WriteAsync(cluster[0], "small", $"{i}");
            if (File.Exists(path))
            {
                seen.Add(Convert.ToHexString(await File.ReadAllBytesAsync(path, Stop)));
            }
        }
    }

    private static async Task AssertHoldsAllAsync(ClientCalls calls)
    {
        for (var i = 0; i < Keys; i++)
        {
            var key = Key(i);
            Assert.Equal(Value(i), await ClientCalls.SurelyAsync(() => calls.GetAsync(key)));
        }
    }

    // The alarm may still stand, or leadership be on its way.
    private static async Task WriteAsync(RaftKvNode node, string key, string value)
    {
        while (true)
        {
            try
            {
                if ((await SmallCluster.PutAsync(node, key, value)).Error == Storage.State.StateError.None)
                {
                    return;
                }
            }
            catch (Server.Replica.RequestRefusedException)
            {
                // Once more.
            }

            await Task.Delay(10, Stop);
        }
    }
}
