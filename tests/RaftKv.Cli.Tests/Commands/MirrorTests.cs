using Google.Protobuf;
using RaftKv.Cli.Commands.Mirrors;
using RaftKv.Protocol.Mvcc;
using RaftKv.Stores;

namespace RaftKv.Cli.Tests.Commands;

/// <summary>Keys of one cluster in another one.</summary>
public sealed class MirrorTests : IAsyncLifetime
{
    private StoreProcess? _source;
    private StoreProcess? _destination;

    public async ValueTask InitializeAsync()
    {
        var program = StoreProgram.FindRaftKv();
        Assert.SkipWhen(program is null, "raftkv is not built.");
        _source = await StoreProcess.StartAsync(program!, cancellation: TestContext.Current.CancellationToken);
        _destination = await StoreProcess.StartAsync(program!, cancellation: TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var store in new[] { _source, _destination })
        {
            if (store is not null)
            {
                await store.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task What_is_there_and_what_comes_arrives_under_the_other_prefix()
    {
        await SourceAsync("put", "a/1", "one");
        await SourceAsync("put", "a/2", "two");
        await SourceAsync("put", "b/1", "not this");
        using var mirror = RunningCommand.OfOurs(_source!.Endpoints, ["make-mirror", "--prefix=a/", "--dest-prefix=copy/", "--max-txn-ops=1", _destination!.Endpoints]);
        await ArrivesAsync("copy/1\none\ncopy/2\ntwo\n");

        await SourceAsync("del", "a/1");
        await SourceAsync("put", "a/3", "three");

        await ArrivesAsync("copy/2\ntwo\ncopy/3\nthree\n");
    }

    [Fact]
    public async Task A_copy_may_begin_with_the_changes_from_a_revision_on()
    {
        await SourceAsync("put", "a", "1");
        await SourceAsync("put", "b", "2");
        await SourceAsync("put", "c", "3");
        using var mirror = RunningCommand.OfOurs(_source!.Endpoints, ["make-mirror", "--rev=3", _destination!.Endpoints]);

        await ArrivesAsync("b\n2\nc\n3\n");
    }

    [Fact]
    public async Task Changes_that_are_gone_are_named()
    {
        await SourceAsync("put", "a", "1");
        await SourceAsync("put", "a", "2");
        await SourceAsync("compaction", "3");
        var run = await CommandRun.OfAsync([$"--endpoints={_source!.Endpoints}", "make-mirror", "--rev=2", _destination!.Endpoints]);

        Assert.Equal(1, run.Code);
        Assert.Contains("compacted up to 3", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("make-mirror takes one destination argument")]
    [InlineData("cannot be set at the same time", "127.0.0.1:1", "--no-dest-prefix", "--dest-prefix=x")]
    [InlineData("--rev is 1 at least", "127.0.0.1:1", "--rev=0")]
    public async Task What_cannot_be_meant_is_refused(string says, params string[] arguments)
    {
        var run = await CommandRun.OfAsync(["make-mirror", .. arguments]);

        Assert.Equal(128, run.Code);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_destination_that_is_not_there_is_named()
    {
        await SourceAsync("put", "a", "1");

        // It holds for the source as well.
        var run = await CommandRun.OfAsync([$"--endpoints={_source!.Endpoints}", "--dial-timeout=5s", "make-mirror", "127.0.0.1:1"]);

        Assert.Equal(1, run.Code);
        Assert.Contains("127.0.0.1:1", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a1 b2 c3", 8, "3")]
    [InlineData("a1 b2 c3", 2, "2 1")]
    [InlineData("a1 a2 b3", 8, "1 2")]
    [InlineData("a1 b2 c2 d2", 3, "1 3")]
    [InlineData("a1 b1 c1 d1 e1 a2", 2, "2 2 2")]
    [InlineData("a1 b1 c1 d1 e2", 2, "2 2 1")]
    [InlineData("a1 b1 c1 d2", 2, "2 2")]
    [InlineData("", 2, "")]
    public void Changes_go_together_as_far_as_a_transaction_takes_them(string changes, int most, string groups)
    {
        var events = changes.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(change => new Event
        {
            Kv = new KeyValue { Key = ByteString.CopyFromUtf8(change[..1]), ModRevision = change[1] - '0' },
        }).ToList();

        var found = MirrorWriter.Groups(events, most).ToList();

        Assert.Equal(groups, string.Join(' ', found.Select(group => group.Count)));
        Assert.Equal(found.Select(group => group.First), found.Select((_, i) => found.Take(i).Sum(group => group.Count)));
    }

    private async Task SourceAsync(params string[] arguments)
        => Assert.Equal("", (await CommandRun.OfAsync([$"--endpoints={_source!.Endpoints}", .. arguments])).Error);

    private async Task ArrivesAsync(string keys)
    {
        while ((await CommandRun.OfAsync([$"--endpoints={_destination!.Endpoints}", "get", "", "--prefix"])).Output != keys)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
