using System.Diagnostics;
using System.Net;
using RaftKv.Client;
using RaftKv.Server;
using RaftKv.Tests.Shared;

namespace RaftKv.ClientBench;

/// <summary>One member of a store, in a process of its own, on a port of its own.</summary>
internal sealed class StoreProcess : IAsyncDisposable
{
    private readonly DirectoryInfo? _folder;
    private readonly Process? _process;

    private StoreProcess(string name, Uri address, Process? process, DirectoryInfo? folder)
    {
        Name = name;
        Address = address;
        _process = process;
        _folder = folder;
    }

    public string Name { get; }

    public Uri Address { get; }

    /// <param name="store">raftkv, etcd, or the address of one that is there.</param>
    public static async Task<StoreProcess> StartAsync(string store)
    {
        if (Uri.TryCreate(store, UriKind.Absolute, out var there))
        {
            return new(store, there, null, null);
        }

        var folder = Directory.CreateTempSubdirectory("raftkv-clientbench-");
        var start = store == "etcd" ? EtcdIn(folder, out var address) : MemberIn(folder, out address);
        start.RedirectStandardInput = start.RedirectStandardError = start.RedirectStandardOutput = true;
        var process = Process.Start(start)!;
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var started = new StoreProcess(store, address, process, folder);
        try
        {
            await using var client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [address], Timeout = TimeSpan.FromSeconds(30) });
            await client.GetAsync("ready?");
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <summary>What the process does: a member until its standard input ends.</summary>
    public static async Task BeMemberAsync(string folder, int port)
    {
        await using var node = await RaftKvNode.StartAsync(new RaftKvOptions
        {
            DataDirectory = Path.Join(folder, "data"),
            ListenClient = [new IPEndPoint(IPAddress.Loopback, port)],
            ListenPeer = [new IPEndPoint(IPAddress.Loopback, 0)],
        });
        await Console.In.ReadToEndAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
        }

        _folder?.Delete(recursive: true);
    }

    private static ProcessStartInfo MemberIn(DirectoryInfo folder, out Uri address)
    {
        var port = FreePorts.Find(1)[0];
        address = new($"http://127.0.0.1:{port}");
        return new ProcessStartInfo(Environment.ProcessPath!) { ArgumentList = { "member", folder.FullName, $"{port}" } };
    }

    private static ProcessStartInfo EtcdIn(DirectoryInfo folder, out Uri address)
    {
        var ports = FreePorts.Find(2);
        address = new($"http://127.0.0.1:{ports[0]}");
        var peers = $"http://127.0.0.1:{ports[1]}";
        return new ProcessStartInfo("etcd")
        {
            ArgumentList =
            {
                "--name", "alone", "--data-dir", Path.Join(folder.FullName, "data"), "--initial-cluster", $"alone={peers}",
                "--listen-client-urls", $"http://127.0.0.1:{ports[0]}", "--advertise-client-urls", $"http://127.0.0.1:{ports[0]}",
                "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--quota-backend-bytes", "4294967296",
            },
        };
    }
}
