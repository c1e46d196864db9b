using System.Net;
using System.Net.Sockets;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.Differential.Stores;

/// <summary>
/// A store of one or more members on this machine, in a folder of its own that goes with it. The same flags start etcd
/// and raftkv.
/// </summary>
/// <example><code>
/// await using var store = await StoreProcess.StartAsync(StoreProgram.FindEtcd()!, members: 3);
/// await store.Members[0].KillAsync();
/// await store.RestartAsync(store.Members[0]);
/// </code></example>
public sealed class StoreProcess : IAsyncDisposable
{
    private const int Tries = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly string _folder;

    private StoreProcess(StoreProgram program, string folder, IReadOnlyList<StoreMember> members)
    {
        Program = program;
        _folder = folder;
        Members = members;
    }

    public StoreProgram Program { get; }

    public IReadOnlyList<StoreMember> Members { get; }

    /// <summary>The client addresses of all members, as --endpoints wants them.</summary>
    public string Endpoints => string.Join(',', Members.Select(member => member.Client.GetLeftPart(UriPartial.Authority)));

    /// <summary>Starts all members and waits until each knows a leader.</summary>
    /// <exception cref="StoreException">It did not come up; the text has what it printed.</exception>
    public static async Task<StoreProcess> StartAsync(StoreProgram program, int members = 1, CancellationToken cancellation = default)
    {
        for (var attempt = 1; ; attempt++)
        {
            var store = Create(program, members);
            try
            {
                foreach (var member in store.Members)
                {
                    member.Start();
                }

                foreach (var member in store.Members)
                {
                    await store.WaitUntilReadyAsync(member, cancellation);
                }

                return store;
            }
            catch (StoreException trouble) when (attempt < Tries && trouble.Message.Contains("in use", StringComparison.Ordinal))
            {
                // The port was free when it was chosen, and somebody was faster.
                await store.DisposeAsync();
            }
            catch
            {
                await store.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>Starts a member that was killed, and waits until it is ready.</summary>
    public async Task RestartAsync(StoreMember member, CancellationToken cancellation = default)
    {
        await member.KillAsync();
        member.Start();
        await WaitUntilReadyAsync(member, cancellation);
    }

    /// <summary>A folder for a test's own files, which goes with the store.</summary>
    public string NewFolder(string name) => Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;

    public ValueTask DisposeAsync()
    {
        foreach (var member in Members)
        {
            member.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Addresses of this machine that nobody listens on now.</summary>
    public static IReadOnlyList<Uri> FreeAddresses(int count)
    {
        // All are held until all are known, so that none comes twice.
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        try
        {
            listeners.ForEach(listener => listener.Start());
            return [.. listeners.Select(listener => new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"))];
        }
        finally
        {
            listeners.ForEach(listener => listener.Dispose());
        }
    }

    private static StoreProcess Create(StoreProgram program, int count)
    {
        var folder = Directory.CreateTempSubdirectory($"{program.Name}-").FullName;
        var addresses = FreeAddresses(2 * count);
        var names = Enumerable.Range(1, count).Select(number => $"m{number}").ToList();
        var cluster = string.Join(',', names.Select((name, i) => $"{name}={Text(addresses[count + i])}"));
        var members = new List<StoreMember>();
        for (var i = 0; i < count; i++)
        {
            var (name, client, peer) = (names[i], addresses[i], addresses[count + i]);
            string[] arguments =
            [
                "--name", name,
                "--data-dir", Path.Combine(folder, name, "data"),
                "--listen-client-urls", Text(client),
                "--advertise-client-urls", Text(client),
                "--listen-peer-urls", Text(peer),
                "--initial-advertise-peer-urls", Text(peer),
                "--initial-cluster", cluster,
                "--initial-cluster-state", "new",
                "--initial-cluster-token", $"compatibility-{count}",
                .. program.Arguments,
            ];
            members.Add(new StoreMember(program, name, Path.Combine(folder, name), client, peer, arguments));
        }

        return new StoreProcess(program, folder, members);
    }

    private static string Text(Uri address) => address.GetLeftPart(UriPartial.Authority);

    private async Task WaitUntilReadyAsync(StoreMember member, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [member.Client], Eviction = new(Pause, Pause) });
        try
        {
            while (!await IsReadyAsync(channel, patience.Token))
            {
                if (!member.IsRunning)
                {
                    // Its last lines may still be on their way.
                    await Task.Delay(Pause, patience.Token);
                    throw new StoreException($"{Program.Name} ended instead of serving:\n{member.Log}");
                }

                await Task.Delay(Pause, patience.Token);
            }
        }
        catch (OperationCanceledException late) when (!cancellation.IsCancellationRequested)
        {
            throw new StoreException($"{Program.Name} was not ready within {Patience}:\n{member.Log}", late);
        }
    }

    private static async Task<bool> IsReadyAsync(RpcChannel channel, CancellationToken cancellation)
    {
        try
        {
            var options = new RpcCallOptions { CancellationToken = cancellation };
            var status = await channel.UnaryAsync(StoreMethods.Status, new StatusRequest(), options);
            return status.Leader != 0;
        }
        catch (RpcException refusal)
        {
            // A program that has no store yet is as ready as it will be.
            return refusal.Code == RpcStatusCode.Unimplemented;
        }
    }
}
