using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using RaftKv.Cli.Serve;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

namespace RaftKv.Cli.Tests;

/// <summary>The program as its users meet it: a process with arguments, output and an exit code.</summary>
public sealed class ProgramTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-cli-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_member_says_where_it_listens_answers_there_and_stops_when_told()
    {
        using var member = Start("--name", "alice", "--listen-client-urls", "http://127.0.0.1:0");
        try
        {
            var first = await member.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
            Assert.NotNull(first);
            Assert.Contains("member 'alice' serves clients on http://127.0.0.1:", first, StringComparison.Ordinal);
            var address = first[first.IndexOf("http://", StringComparison.Ordinal)..];

            using var http = new HttpClient();
            var version = await http.GetStringAsync(new Uri($"{address}/version"), TestContext.Current.CancellationToken);
            Assert.StartsWith("{\"raftkv\":\"", version, StringComparison.Ordinal);

            using var interrupt = Process.Start("kill", ["-INT", member.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await member.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, member.ExitCode);
            Assert.Contains("stopping", await member.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
        finally
        {
            if (!member.HasExited)
            {
                member.Kill();
            }
        }
    }

    [Fact]
    public async Task A_port_that_is_taken_is_one_line_that_says_what_to_do()
    {
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var port = ((IPEndPoint)holder.LocalEndpoint).Port;

        var (code, _, error) = await RunAsync("--listen-client-urls", $"http://127.0.0.1:{port}");

        Assert.Equal(1, code);
        Assert.Contains($"127.0.0.1:{port}", error, StringComparison.Ordinal);
        Assert.Contains("--listen-client-urls", error, StringComparison.Ordinal);
        Assert.DoesNotContain(" at ", error, StringComparison.Ordinal); // No stack trace.
    }

    [Theory]
    [InlineData("--listen-client-url", "http://127.0.0.1:0")]
    [InlineData("--listen-client-urls", "http://example.com:2379")]
    [InlineData("sevre")]
    public async Task A_mistake_on_the_command_line_is_named(params string[] arguments)
    {
        var (code, _, error) = await RunAsync(arguments);

        Assert.NotEqual(0, code);
        Assert.Contains(arguments[^1].Contains("example", StringComparison.Ordinal) ? "example.com" : arguments[0], error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_version_is_told()
    {
        var (code, output, _) = await RunAsync("version");

        Assert.Equal(0, code);
        Assert.StartsWith("raftkv version: ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_is_dumped_and_verified_and_damage_is_named()
    {
        var log = Path.Combine(_folder, "wal");
        Directory.CreateDirectory(log);
        WriteLog(log);

        var (dumped, records, _) = await RunAsync("wal", "dump", log);
        var (verified, summary, _) = await RunAsync("wal", "verify", log);

        Assert.Equal((0, 0), (dumped, verified));
        Assert.Contains("entry 1/2 Command, 5 bytes", records, StringComparison.Ordinal);
        Assert.Contains("up to 1/2", summary, StringComparison.Ordinal);

        // Damage in an append that a later one proves was durable.
        var segment = Directory.GetFiles(log).Order().First();
        var bytes = await File.ReadAllBytesAsync(segment, TestContext.Current.CancellationToken);
        var at = bytes.AsSpan().IndexOf("first"u8);
        bytes[at] ^= 1;
        await File.WriteAllBytesAsync(segment, bytes, TestContext.Current.CancellationToken);

        var (code, _, error) = await RunAsync("wal", "verify", log);

        Assert.Equal(1, code);
        Assert.Contains(Path.GetFileName(segment), error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_is_not_there_is_named()
    {
        var (code, _, error) = await RunAsync("wal", "verify", Path.Combine(_folder, "nowhere"));

        Assert.Equal(1, code);
        Assert.Contains("nowhere", error, StringComparison.Ordinal);
    }

    private static void WriteLog(string directory)
    {
        using var log = WriteAheadLog.Create(new PhysicalFileSystem(), directory, identity: 42);
        log.Append(new WalBatch
        {
            HardState = new HardState(1, new NodeId(7), 0),
            Entries = [new Entry(1, 1, EntryKind.Command, "first"u8.ToArray())],
        });
        log.Append(new WalBatch { Entries = [new Entry(1, 2, EntryKind.Command, "later"u8.ToArray())] });
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var program = Start(arguments);
        var output = program.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = program.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await program.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (program.ExitCode, await output, await error);
    }

    private static Process Start(params string[] arguments)
        => Process.Start(new ProcessStartInfo("dotnet", [typeof(ServeCommand).Assembly.Location, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        })!;
}
