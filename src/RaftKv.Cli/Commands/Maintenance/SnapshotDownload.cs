using System.Diagnostics;
using System.Globalization;
using RaftKv.Cli.Commands.Connection;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Storage.Files;

namespace RaftKv.Cli.Commands.Maintenance;

/// <summary>
/// A snapshot on its way from a member into a file. When its stream breaks, it is taken up again where it stopped; if the
/// member has let go of that state meanwhile, it begins anew with another one, and says so.
/// </summary>
/// <param name="file">Where it goes; emptied.</param>
/// <param name="cluster">One member of it.</param>
/// <param name="error">Where it is told what happens.</param>
internal sealed class SnapshotDownload(FileStream file, ClusterConnection cluster, TextWriter error)
{
    // The header in which a member names the state, and the byte that its stream begins with.
    private const string Key = "raftkv-snapshot";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    // Without a single byte more.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly SteadySync _sync = new(file.SafeFileHandle);
    private string? _name;

    /// <summary>Takes all of it, and syncs it.</summary>
    /// <returns>The version of the store; empty if the member does not say.</returns>
    /// <exception cref="CommandFailure">It could not be had.</exception>
    public async Task<string> RunAsync(CancellationToken stop)
    {
        var lastProgress = Stopwatch.GetTimestamp();
        while (true)
        {
            var before = file.Length;
            try
            {
                var version = await RunOnceAsync(stop);
                await file.FlushAsync(stop);
                await _sync.EndAsync();
                return version;
            }
            catch (RpcException failure)
            {
                if (file.Length > before)
                {
                    lastProgress = Stopwatch.GetTimestamp();
                }

                if (!MayGoOn(failure) || Stopwatch.GetElapsedTime(lastProgress) > Patience)
                {
                    throw new CommandFailure(ExitCode.Interrupted, cluster.Explain(failure).Message, failure);
                }

                if (file.Length > before)
                {
                    await error.WriteLineAsync($"the stream broke after {file.Length} bytes ({failure.Status.Detail}); going on");
                }
            }

            await Task.Delay(Pause, stop);
        }
    }

    // Where nothing has come yet, what is wrong is said at once.
    private bool MayGoOn(RpcException failure)
        => file.Length > 0 && failure.Code is (RpcStatusCode.Unavailable or RpcStatusCode.Internal or RpcStatusCode.Unknown);

    private async Task<string> RunOnceAsync(CancellationToken stop)
    {
        var metadata = new RpcMetadata();
        if (_name is not null)
        {
            metadata.Add(Key, string.Create(CultureInfo.InvariantCulture, $"{_name}:{file.Length}"));
        }

        var version = "";
        await using var call = await cluster.DownloadAsync(EtcdMethods.Snapshot, new SnapshotRequest(), metadata, stop);
        var parts = (await call.HeadersAsync()).Text(Key)?.Split(':');
        var (name, offset) = parts is [var state, var at] && long.TryParse(at, CultureInfo.InvariantCulture, out var number) ? (state, number) : (null, 0);
        if (name is null || name != _name || offset != file.Length)
        {
            if (file.Length > 0)
            {
                await error.WriteLineAsync($"the member has let go of the state that it was sending: beginning anew, with a newer one");
            }

            file.SetLength(0);
            _name = name;
        }

        file.Position = file.Length;
        await foreach (var response in call.Responses.WithCancellation(stop))
        {
            await file.WriteAsync(response.Blob.Memory, stop);
            await _sync.GrownAsync(file.Length);
            version = response.Version;
        }

        return version;
    }
}
