using System.Diagnostics;
using System.Security.Cryptography;
using RaftKv.Compatibility.Tests.Stores;
using RaftKv.Protocol.Etcd;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Etcdctl;

/// <summary>etcdctl prints the same whether etcd or raftkv answers it.</summary>
public sealed class EtcdctlTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static TheoryData<string> Scenarios() => [.. EtcdctlScenarios.All.Keys];

    [Theory]
    [MemberData(nameof(Scenarios))]
    public async Task Raftkv_answers_what_etcd_answers(string scenario)
    {
        var etcdctl = Etcdctl.OrSkip();
        await using var ours = await Target.RaftKvOrSkipAsync();
        await using var theirs = await Target.EtcdOrSkipAsync();

        Assert.Equal(
            await Transcript.OfAsync(etcdctl, theirs, EtcdctlScenarios.All[scenario]),
            await Transcript.OfAsync(etcdctl, ours, EtcdctlScenarios.All[scenario]));
    }

    /// <summary>That a transcript holds nothing that differs from store to store, and that the commands do something.</summary>
    [Theory]
    [MemberData(nameof(Scenarios))]
    public async Task Etcd_answers_the_same_twice(string scenario)
    {
        var etcdctl = Etcdctl.OrSkip();
        await using var one = await Target.EtcdOrSkipAsync();
        await using var other = await Target.EtcdOrSkipAsync();

        var transcript = await Transcript.OfAsync(etcdctl, one, EtcdctlScenarios.All[scenario]);

        TestContext.Current.TestOutputHelper?.WriteLine(transcript);
        Assert.Equal(transcript, await Transcript.OfAsync(etcdctl, other, EtcdctlScenarios.All[scenario]));
        Assert.DoesNotContain("unknown flag", transcript, StringComparison.Ordinal);
        Assert.DoesNotContain("unknown command", transcript, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_follower_of_raftkv_answers_what_etcd_answers()
    {
        var etcdctl = Etcdctl.OrSkip();
        await using var ours = await Target.RaftKvOrSkipAsync(members: 3);
        await using var theirs = await Target.EtcdOrSkipAsync();
        List<EtcdctlStep> steps = [.. EtcdctlScenarios.OfAnyMember.SelectMany(topic => EtcdctlScenarios.All[topic])];
        var leader = await ours.LeaderAsync(TestContext.Current.CancellationToken);

        Assert.Equal(
            await Transcript.OfAsync(etcdctl, theirs, steps),
            await Transcript.OfAsync(etcdctl, ours, steps, ours.Members.First(member => member != leader)));
    }

    [Theory]
    [InlineData(StoreKind.Etcd)]
    [InlineData(StoreKind.RaftKv)]
    public async Task A_saved_snapshot_ends_with_the_sum_of_what_is_before_it(StoreKind kind)
    {
        var etcdctl = Etcdctl.OrSkip();
        await using var store = await Target.StartOrSkipAsync(kind);
        await etcdctl.RunAsync(store.Endpoints, new("put a 1"));
        var path = Path.Combine(store.NewFolder("own"), "snapshot");

        await etcdctl.RunAsync(store.Endpoints, new($"snapshot save {path}"));

        // Clients refuse files of another size.
        var bytes = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        Assert.Equal(SHA256.HashSizeInBytes, bytes.Length % 512);
        Assert.Equal(SHA256.HashData(bytes.AsSpan(..^SHA256.HashSizeInBytes)), bytes[^SHA256.HashSizeInBytes..]);
    }

    [Theory]
    [InlineData(StoreKind.Etcd)]
    [InlineData(StoreKind.RaftKv)]
    public async Task Check_perf_measures_and_tidies_up(StoreKind kind)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("RAFTKV_LIFE") == "long", "It takes a minute; RAFTKV_LIFE=long runs it.");
        var etcdctl = Etcdctl.OrSkip();
        await using var store = await Target.StartOrSkipAsync(kind);

        var report = await etcdctl.RunAsync(store.Endpoints, new("check perf --load=s --prefix=perf/"));

        TestContext.Current.TestOutputHelper?.WriteLine(report);
        Assert.Contains("PASS: Throughput", report, StringComparison.Ordinal);
        Assert.Equal("", await etcdctl.RunAsync(store.Endpoints, new("get perf/ --prefix")));
    }

    [Theory]
    [InlineData(StoreKind.Etcd)]
    [InlineData(StoreKind.RaftKv)]
    public async Task Make_mirror_copies_to_another_store(StoreKind kind)
    {
        var etcdctl = Etcdctl.OrSkip();
        await using var source = await Target.StartOrSkipAsync(kind);
        await using var destination = await Target.StartOrSkipAsync(kind);
        await etcdctl.RunAsync(source.Endpoints, new("put m/1 before"));

        using var mirror = etcdctl.Start(source.Endpoints, $"make-mirror {destination.Endpoints} --prefix=m/ --dest-prefix=copy/");
        try
        {
            await SeenAsync("copy/1", "before");
            await etcdctl.RunAsync(source.Endpoints, new("put m/2 after"));
            await SeenAsync("copy/2", "after");
            await etcdctl.RunAsync(source.Endpoints, new("del m/1"));
            await SeenAsync("copy/1", null);
        }
        finally
        {
            mirror.Kill(entireProcessTree: true);
        }

        async Task SeenAsync(string key, string? value)
        {
            await using var client = new StoreClient(destination.Members[0].Client);
            var request = new RangeRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8(key) };
            while ((await client.CallAsync<RangeResponse>("range", request)).Kvs.SingleOrDefault()?.Value.ToStringUtf8() != value)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TestContext.Current.CancellationToken);
            }
        }
    }

    [Theory]
    [InlineData(StoreKind.Etcd)]
    [InlineData(StoreKind.RaftKv)]
    public async Task Leadership_moves_and_commands_reach_every_member(StoreKind kind)
    {
        var etcdctl = Etcdctl.OrSkip();
        await using var store = await Target.StartOrSkipAsync(kind, members: 3);
        var (target, moved) = (0UL, "");
        var since = Stopwatch.StartNew();

        // A cluster may have no leader for a while, or have another one by the time that it is asked.
        while (!moved.StartsWith("Leadership transferred", StringComparison.Ordinal) && since.Elapsed < Patience)
        {
            target = await FollowerAsync(store);
            moved = await etcdctl.RunAsync(store.Endpoints, new($"move-leader {target:x}"));
        }

        Assert.Matches($"^Leadership transferred from [0-9a-f]+ to {target:x}\n", moved);
        foreach (var member in store.Members)
        {
            var own = member.Client.GetLeftPart(UriPartial.Authority);
            Assert.Equal("OK\n", await etcdctl.RunAsync(own, new($"put by {member.Name}")));
            Assert.Equal($"by\n{member.Name}\n", await etcdctl.RunAsync(own, new("get by")));
        }

        var healthy = await etcdctl.RunAsync(store.Endpoints, new("endpoint health"));
        Assert.Equal(3, healthy.Split("is healthy").Length - 1);
        Assert.Equal(3, (await etcdctl.RunAsync(store.Endpoints, new("defrag"))).Split("Finished defragmenting").Length - 1);
    }

    private static async Task<ulong> FollowerAsync(StoreProcess store)
    {
        var leader = await store.LeaderAsync(TestContext.Current.CancellationToken);
        await using var client = new StoreClient(store.Members.First(member => member != leader).Client);
        return (await client.CallAsync<StatusResponse>("status", new StatusRequest())).Header.MemberId;
    }
}
