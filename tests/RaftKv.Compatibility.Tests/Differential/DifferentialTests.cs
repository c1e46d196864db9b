using System.Diagnostics;
using RaftKv.Compatibility.Tests.Stores;
using RaftKv.Differential.Comparing;
using RaftKv.Differential.Sequences;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Compatibility.Tests.Differential;

/// <summary>
/// The same operations to two stores. etcd against itself says that the harness blames nobody without reason; a store
/// whose answers are doctored, that it does blame.
/// </summary>
public sealed class DifferentialTests(SharedStore stores) : IClassFixture<SharedStore>
{
    private const int OperationsOfSequence = 40;
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan ControlBudget = TimeSpan.FromSeconds(8);

    [Fact]
    public async Task Raftkv_answers_as_etcd_does()
    {
        await using var pair = await PairAsync();

        await RunSeedsAsync(pair, Budget);
    }

    [Fact]
    public async Task A_follower_of_raftkv_answers_as_one_of_etcd_does()
    {
        await using var right = await Target.RaftKvOrSkipAsync(members: 3);
        await using var left = await Target.EtcdOrSkipAsync(members: 3);
        await using var pair = await StorePair.ConnectAsync(left.Members[1].Client, right.Members[1].Client);

        await RunSeedsAsync(pair, ControlBudget);
    }

    [Fact]
    public async Task Etcd_answers_as_etcd_does()
    {
        await using var left = await Target.EtcdOrSkipAsync();
        await using var right = await Target.EtcdOrSkipAsync();
        await using var pair = await StorePair.ConnectAsync(left.Members[0].Client, right.Members[0].Client);

        await RunSeedsAsync(pair, ControlBudget);
    }

    public static TheoryData<string> Kept()
        => [.. Directory.EnumerateFiles(Folder(), "*.txt").Select(path => Path.GetFileNameWithoutExtension(path)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Kept))]
    public async Task A_sequence_that_was_kept_is_answered_as_by_etcd(string name)
    {
        var operations = Script.Parse(await File.ReadAllTextAsync(Path.Combine(Folder(), $"{name}.txt"), TestContext.Current.CancellationToken));
        await using var pair = await PairAsync();

        var difference = await pair.RunAsync(operations);

        Assert.True(difference is null, difference?.ToString());
    }

    // What several members of etcd would answer differently from one: see KnownDifference.DividesMembers.
    [Fact]
    public async Task A_transaction_that_fails_has_no_effect_on_any_member()
    {
        var operations = Script.Parse(
            await File.ReadAllTextAsync(Path.Combine(Folder(), "txn-fails-of-a-range.txt"), TestContext.Current.CancellationToken));
        await using var three = await Target.RaftKvOrSkipAsync(members: 3);
        var one = await stores.OrSkipAsync(StoreKind.RaftKv);
        foreach (var member in three.Members)
        {
            await using var pair = await StorePair.ConnectAsync(one.Members[0].Client, member.Client);
            var difference = await pair.RunAsync(operations);
            Assert.True(difference is null, difference?.ToString());
        }
    }

    [Fact]
    public async Task A_wrong_answer_is_noticed_and_shrunk_to_what_provokes_it()
    {
        await using var left = await Target.EtcdOrSkipAsync();
        await using var right = await Target.EtcdOrSkipAsync();

        // A store that miscounts what it deletes, from two keys on.
        await using var pair = await StorePair.ConnectAsync(
            left.Members[0].Client,
            right.Members[0].Client,
            answer => answer is DeleteRangeResponse { Deleted: > 1 } wrong
                ? new DeleteRangeResponse(wrong) { Deleted = wrong.Deleted + 1 }
                : answer);

        var smallest = await FindAndShrinkAsync(pair);

        // The marker that each sequence starts with is one key; another one is all it takes.
        Assert.Equal(2, smallest.Count);
        Assert.IsType<PutRequest>(smallest[0].Request);
        var delete = Assert.IsType<DeleteRangeRequest>(smallest[1].Request);
        Assert.False(delete.RangeEnd.IsEmpty || delete.PrevKv, smallest[1].ToString());
    }

    [Fact]
    public async Task A_wrong_event_is_noticed_and_shrunk_to_what_provokes_it()
    {
        await using var left = await Target.EtcdOrSkipAsync();
        await using var right = await Target.EtcdOrSkipAsync();

        // A store that forgets what it was asked to tell of the past.
        await using var pair = await StorePair.ConnectAsync(
            left.Members[0].Client, right.Members[0].Client, answer => answer is WatchResponse response ? WithoutPast(response) : answer);

        var smallest = await FindAndShrinkAsync(pair);

        Assert.True(smallest.Count <= 3, Script.Write(smallest));
        Assert.Contains(smallest, operation => operation.Request is WatchRequest { CreateRequest.PrevKv: true });
    }

    [Fact]
    public void A_sequence_is_the_same_after_it_was_written_and_read()
    {
        for (var seed = 1; seed <= 200; seed++)
        {
            var operations = Generator.Generate(seed, OperationsOfSequence);
            Assert.Equal(operations, Script.Parse(Script.Write(operations)));
        }
    }

    // Each sequence leaves a store as if it were new, so one of each will do.
    private async Task<StorePair> PairAsync()
    {
        var right = await stores.OrSkipAsync(StoreKind.RaftKv);
        var left = await stores.OrSkipAsync(StoreKind.Etcd);
        return await StorePair.ConnectAsync(left.Members[0].Client, right.Members[0].Client);
    }

    private static WatchResponse WithoutPast(WatchResponse response)
    {
        var wrong = new WatchResponse(response);
        foreach (var change in wrong.Events.Where(change => change.Type == Protocol.Mvcc.Event.Types.EventType.Put))
        {
            change.PrevKv = null;
        }

        return wrong;
    }

    private static async Task RunSeedsAsync(StorePair pair, TimeSpan budget)
    {
        // At least a few, however busy the machine is; then as many as fit.
        const int Least = 10;
        var watch = Stopwatch.StartNew();
        var seed = 1;
        for (; seed <= Least || watch.Elapsed < budget; seed++)
        {
            var operations = Generator.Generate(seed, OperationsOfSequence);
            if (await pair.RunAsync(operations) is { } difference)
            {
                var (smallest, remaining) = await new Shrinker(pair.RunAsync, mostRuns: 300).ShrinkAsync(operations, difference);
                Assert.Fail($"Seed {seed}: {remaining}\n\nReplay by 'differential replay FILE' with:\n{Script.Write(smallest)}");
            }
        }

        TestContext.Current.SendDiagnosticMessage($"{seed - 1} sequences in {watch.Elapsed.TotalSeconds:0} s");
    }

    private static async Task<IReadOnlyList<Operation>> FindAndShrinkAsync(StorePair pair)
    {
        for (var seed = 1; seed <= 100; seed++)
        {
            var operations = Generator.Generate(seed, OperationsOfSequence);
            if (await pair.RunAsync(operations) is { } difference)
            {
                return (await new Shrinker(pair.RunAsync, mostRuns: 1000).ShrinkAsync(operations, difference)).Operations;
            }
        }

        Assert.Fail("Nobody noticed in 100 sequences.");
        return [];
    }

    private static string Folder() => Path.Combine(AppContext.BaseDirectory, "Differential", "Kept");
}
