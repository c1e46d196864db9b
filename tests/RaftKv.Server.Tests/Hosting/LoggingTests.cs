using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.Extensions.Logging;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Server.Replica;
using RaftKv.Server.Tests.Peers;

namespace RaftKv.Server.Tests.Hosting;

/// <summary>What a member says to its operator, and how much of it.</summary>
public sealed class LoggingTests
{
    private static readonly HttpClient Http = new();

    [Fact]
    public async Task A_slow_call_is_told_with_the_stage_that_was_slow()
    {
        using var loggers = new Lines();

        // Everything is slow.
        await using var cluster = await StartAsync(loggers, options => options with
        {
            SlowCall = TimeSpan.FromTicks(1),
            Applier = new ApplierOptions { SlowApply = TimeSpan.Zero },
        });
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [cluster[0].ClientEndPoints[0]] });
        var kv = RpcReflection.Descriptor.Services.Single(service => service.Name == "KV");
        var key = Google.Protobuf.ByteString.CopyFromUtf8("k");
        var call = new RpcCallOptions { CancellationToken = Stop };
        await channel.UnaryAsync(RpcMethod.Of<PutRequest, PutResponse>(kv.FindMethodByName("Put")), new PutRequest { Key = key }, call);
        await channel.UnaryAsync(RpcMethod.Of<RangeRequest, RangeResponse>(kv.FindMethodByName("Range")), new RangeRequest { Key = key }, call);

        await TestMember.Until(() => loggers.Has("/etcdserverpb.KV/Put took") && loggers.Has("/etcdserverpb.KV/Range took"));
        const string ms = @"\d+\.\d ms";
        Assert.Matches(
            $@"slowest: (queue|log write|replication|apply|answer) \(queue {ms}, log write {ms}, replication {ms}, apply {ms}, answer {ms}\); status Ok; from 127\.0\.0\.1:",
            loggers.The("/etcdserverpb.KV/Put took"));
        Assert.Matches($@"slowest: (quorum|read|answer) \(quorum {ms}, read {ms}, answer {ms}\)", loggers.The("/etcdserverpb.KV/Range took"));
        Assert.True(loggers.Has("Applying took long"));
    }

    [Fact]
    public async Task The_level_is_changed_while_the_member_runs()
    {
        using var loggers = new Lines();
        await using var cluster = await StartAsync(loggers, options => options with { LogLevels = loggers.Levels });
        var path = new Uri(cluster[0].ClientEndPoints[0], "/config/local/log");
        Assert.Equal("{\"Level\":\"INFO\"}\n", await Http.GetStringAsync(path, Stop));

        Assert.Equal(HttpStatusCode.OK, await PutAsync(path, "{\"Level\":\"debug\"}"));
        Assert.Equal(LogLevel.Debug, loggers.Levels.Level);
        Assert.True(loggers.Has("The log level is Debug now"));
        foreach (var wrong in new[] { "", "{", "{}", "[]", "{\"Level\":7}", "{\"Level\":\"LOUD\"}", new string('x', 5000) })
        {
            Assert.Equal(HttpStatusCode.BadRequest, await PutAsync(path, wrong));
        }

        Assert.Equal(HttpStatusCode.OK, await PutAsync(new Uri(cluster[0].MetricsEndPoints[0], "/config/local/log"), "{\"Level\":\"ERROR\"}"));
        Assert.Equal("{\"Level\":\"ERROR\"}\n", await Http.GetStringAsync(path, Stop));
        using var post = await Http.PostAsync(path, null, Stop);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, post.StatusCode);
    }

    [Fact]
    public async Task A_level_that_is_fixed_has_no_path()
    {
        using var loggers = new Lines();
        await using var cluster = await StartAsync(loggers, options => options);
        using var answer = await Http.GetAsync(new Uri(cluster[0].ClientEndPoints[0], "/config/local/log"), Stop);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Theory]
    [InlineData("debug", LogLevel.Debug)]
    [InlineData("INFO", LogLevel.Information)]
    [InlineData("warn", LogLevel.Warning)]
    [InlineData("panic", LogLevel.Error)]
    public void Levels_are_called_as_etcd_calls_them(string text, LogLevel level)
    {
        Assert.True(LogLevelSwitch.TryParse(text, out var read));
        Assert.Equal(level, read);
        Assert.False(LogLevelSwitch.TryParse("loud", out _));
        Assert.False(LogLevelSwitch.TryParse(null, out _));
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static Task<SmallCluster> StartAsync(Lines loggers, Func<RaftKvOptions, RaftKvOptions> change)
        => SmallCluster.StartAsync(1, options => change(options with
        {
            ListenClient = [new IPEndPoint(IPAddress.Loopback, 0)],
            ListenMetrics = [new IPEndPoint(IPAddress.Loopback, 0)],
            Loggers = loggers,
        }));

    private static async Task<HttpStatusCode> PutAsync(Uri path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await Http.PutAsync(path, content, Stop);
        return answer.StatusCode;
    }

    /// <summary>Lines, kept.</summary>
    private sealed class Lines : ILoggerFactory, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = [];

        public LogLevelSwitch Levels { get; } = new(LogLevel.Information);

        public bool Has(string text) => _lines.Any(line => line.Contains(text, StringComparison.Ordinal));

        public string The(string text) => _lines.First(line => line.Contains(text, StringComparison.Ordinal));

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public bool IsEnabled(LogLevel logLevel) => true;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            => _lines.Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
