using RaftKv.Load.Works;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Load.Tests;

public sealed class LoadRunTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_load_does_its_operations_and_each_is_a_whole_request()
    {
        await using var server = new FakeServer();

        var done = await LoadRun.CompleteAsync(Plan(server, clients: 5, operations: 100), Stop);

        Assert.Equal((100, 0), (done.Latencies.Count, done.Refused));
        Assert.Equal(100, server.Requests.Count);
        Assert.All(server.Requests, request => Assert.Equal(20, PutRequest.Parser.ParseFrom(request).Value.Length));
        Assert.Empty(server.Complaints);
    }

    [Fact]
    public async Task Clients_wait_where_the_server_allows_fewer_streams()
    {
        await using var server = new FakeServer { MaxStreams = 3, BeforeAnswer = () => Task.Delay(1, Stop) };

        var done = await LoadRun.CompleteAsync(Plan(server, clients: 8, operations: 200), Stop);

        Assert.Equal(200, done.Latencies.Count);
        Assert.Empty(server.Complaints);
    }

    [Theory]
    [InlineData(65_535)]
    [InlineData(20_000)]
    public async Task Large_requests_keep_to_windows_and_frames_and_arrive_whole(int window)
    {
        await using var server = new FakeServer { Window = window };

        var done = await LoadRun.CompleteAsync(Plan(server, clients: 1, operations: 5, valueBytes: 300_000), Stop);

        Assert.Equal(5, done.Latencies.Count);
        Assert.All(server.Requests, request => Assert.Equal(300_000, PutRequest.Parser.ParseFrom(request).Value.Length));
        Assert.Empty(server.Complaints);
    }

    [Fact]
    public async Task An_answer_without_a_message_is_a_refusal()
    {
        await using var server = new FakeServer { Refuses = number => number % 4 == 0 };

        var done = await LoadRun.CompleteAsync(Plan(server, clients: 2, operations: 40), Stop);

        Assert.Equal((30, 10), (done.Latencies.Count, done.Refused));
    }

    [Fact]
    public async Task A_server_that_hangs_up_ends_the_load()
    {
        await using var server = new FakeServer { HangsUpAfter = 7 };

        await Assert.ThrowsAnyAsync<IOException>(() => LoadRun.CompleteAsync(Plan(server, clients: 2, operations: 40), Stop));
    }

    [Fact]
    public async Task At_a_rate_latencies_count_from_when_an_operation_was_due()
    {
        // The last of 20 is due 19 ms after the first. Nobody is answered before 60 ms are over, so no operation takes less
        // than 41, though all but one were sent later.
        Task? stall = null;
        await using var server = new FakeServer { BeforeAnswer = () => stall ??= Task.Delay(60, Stop) };

        var done = await LoadRun.CompleteAsync(Plan(server, clients: 1, operations: 20) with { Rate = 1000 }, Stop);

        Assert.Equal(20, done.Latencies.Count);
        Assert.True(done.Latencies.QuantileMs(0) >= 40, $"One took {done.Latencies.QuantileMs(0)} ms.");
    }

    [Fact]
    public async Task What_was_taken_is_not_told_again()
    {
        await using var server = new FakeServer();
        await using var run = await LoadRun.StartAsync(Plan(server, clients: 2, operations: 50), Stop);
        await run.Finished;

        Assert.Equal(50, run.Take().Latencies.Count);
        Assert.Equal(0, run.Take().Latencies.Count);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(200.0)]
    public async Task A_load_that_is_stopped_waits_for_its_answers_and_ends(double? rate)
    {
        await using var server = new FakeServer();
        await using var run = await LoadRun.StartAsync(Plan(server, clients: 3) with { Rate = rate }, Stop);
        long done = 0;
        while (done < 10)
        {
            await Task.Delay(1, Stop);
            done += run.Take().Latencies.Count;
        }

        await run.StopAsync();

        Assert.Equal(server.Requests.Count, done + run.Take().Latencies.Count);
    }

    private static LoadPlan Plan(FakeServer server, int clients, long? operations = null, int valueBytes = 20) => new()
    {
        Endpoints = [server.Endpoint],
        Work = new Puts(new LoadKeys(10), valueBytes),
        Clients = clients,
        Connections = 1,
        Operations = operations,
    };
}
