using System.Collections.Concurrent;
using System.Globalization;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Stores;

/// <summary>
/// The stores that tests run against, or the reason to skip a test. What their members print stays under
/// <c>artifacts/test-logs</c>, in a folder of the test's name, until the test runs again.
/// </summary>
internal static class Target
{
    private static readonly ConcurrentDictionary<string, int> Started = new(StringComparer.Ordinal);
    private static readonly Lock Gate = new();
    private static Task<string?>? _raftKvObstacle;

    public static async Task<StoreProcess> EtcdOrSkipAsync(int members = 1, params string[] arguments)
    {
        var program = StoreProgram.FindEtcd();
        Assert.SkipWhen(program is null, "There is no 'etcd' on the PATH; it comes with Debian's package 'etcd-server'.");
        return await StartAsync(program! with { Arguments = arguments }, members);
    }

    public static async Task<StoreProcess> RaftKvOrSkipAsync(int members = 1, params string[] arguments)
    {
        Task<string?> finding;
        lock (Gate)
        {
            finding = _raftKvObstacle ??= FindRaftKvObstacleAsync();
        }

        var obstacle = await finding;
        Assert.SkipWhen(obstacle is not null, obstacle ?? "");
        return await StartAsync(StoreProgram.FindRaftKv()! with { Arguments = arguments }, members);
    }

    public static Task<StoreProcess> StartOrSkipAsync(StoreKind kind, int members = 1, params string[] arguments)
        => kind == StoreKind.Etcd ? EtcdOrSkipAsync(members, arguments) : RaftKvOrSkipAsync(members, arguments);

    /// <summary>A store whose members are prepared before they are started.</summary>
    public static async Task<StoreProcess> StartPreparedAsync(StoreKind kind, int members, Func<StoreMember, string, Task> prepare)
    {
        var program = kind == StoreKind.Etcd ? StoreProgram.FindEtcd() : StoreProgram.FindRaftKv();
        Assert.SkipWhen(program is null, $"There is no {kind}.");
        return await StartAsync(program!, members, prepare);
    }

    private static async Task<StoreProcess> StartAsync(
        StoreProgram program, int members, Func<StoreMember, string, Task>? prepare = null)
    {
        var logs = LogFolder(program);
        TestContext.Current.TestOutputHelper?.WriteLine($"what {program.Name} prints is in {logs}");
        return await StoreProcess.StartAsync(program, members, logs, prepare: prepare, cancellation: TestContext.Current.CancellationToken);
    }

    /// <summary>Skips only where there is no store at all. One that is there and does not work is for the tests to find out.</summary>
    private static async Task<string?> FindRaftKvObstacleAsync()
    {
        if (StoreProgram.FindRaftKv() is not { } program)
        {
            return $"raftkv is not built; 'dotnet build src/RaftKv.Cli' does, or {StoreProgram.RaftKvVariable} says where it is.";
        }

        try
        {
            await using var store = await StoreProcess.StartAsync(program, logFolder: LogFolder(program));
            await using var client = new StoreClient(store.Members[0].Client);
            var answer = await client.CallAsync("range", new RangeRequest { Key = ByteString.CopyFromUtf8("a") });
            return answer.Status.Code == RpcStatusCode.Unimplemented ? "raftkv serves no store yet: KV is UNIMPLEMENTED." : null;
        }
        catch (StoreException refusal) when (refusal.Message.Contains("--data-dir", StringComparison.Ordinal))
        {
            return "raftkv serves no store yet: it takes no --data-dir.";
        }
        catch (StoreException)
        {
            return null;
        }
    }

    private static string LogFolder(StoreProgram program)
    {
        var test = TestContext.Current.Test?.TestDisplayName ?? TestContext.Current.TestClass?.TestClassName ?? "tests";
        var plain = string.Concat(test.Split('.')[^1].Select(c => char.IsLetterOrDigit(c) || c is '_' or '-' ? c : '.')).Trim('.');
        var name = $"{plain}-{program.Name}";
        var number = Started.AddOrUpdate(name, 1, (_, before) => before + 1);
        return Path.Combine(Root(), string.Create(CultureInfo.InvariantCulture, $"{name}-{number}"));
    }

    // artifacts/bin/<project>/<configuration>/ is where this assembly is.
    private static string Root()
        => Path.Combine(new DirectoryInfo(AppContext.BaseDirectory).Parent!.Parent!.Parent!.FullName, "test-logs");
}
