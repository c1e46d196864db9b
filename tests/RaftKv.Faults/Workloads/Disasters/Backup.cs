using System.Globalization;
using System.Text.Json.Nodes;
using Google.Protobuf;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Faults.Nemeses;
using RaftKv.Faults.Networks;
using RaftKv.Faults.Running;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Stores;

namespace RaftKv.Faults.Workloads.Disasters;

/// <summary>
/// Saves a snapshot of one member while clients go on, restores it to a cluster of its own, and looks there with the eyes of
/// clients of the old one.
/// </summary>
internal sealed class Backup(string prefix)
{
    private static readonly TimeSpan WatchPatience = TimeSpan.FromSeconds(10);

    private const int MostRevisionsBack = 500;

    private readonly ByteString _key = ByteString.CopyFromUtf8(prefix);
    private readonly ByteString _end = ByteString.CopyFromUtf8(prefix[..^1] + (char)(prefix[^1] + 1));

    public Fault Fault => new(FaultKinds.Backup, async (tools, _) =>
    {
        if (tools.Cluster.Running is not [_, ..] running)
        {
            return null;
        }

        var member = tools.Pick(running);
        var folder = Directory.CreateTempSubdirectory("raftkv-backup-").FullName;
        try
        {
            return await BackUpAsync(tools, member, Path.Combine(folder, "saved.db")) ? new BegunFault([member], "saved and restored", TimeSpan.Zero, _ => Task.FromResult(1L)) : null;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    });

    /// <returns>Whether there was a snapshot to restore.</returns>
    private async Task<bool> BackUpAsync(FaultTools tools, StoreMember member, string file)
    {
        var program = tools.Cluster.Program;
        var (code, _, _) = await Shell.TryAsync(program.Path, "snapshot", "save", file, "--endpoints", member.Client.GetLeftPart(UriPartial.Authority));
        if (code != 0)
        {
            // The member was killed, for one.
            return false;
        }

        var (_, status, _) = await Shell.TryAsync(program.Path, "snapshot", "status", file, "-w", "json");
        var revision = (long)JsonNode.Parse(status)!["revision"]!;
        var oldId = await ReadSavedAsync(tools, revision);
        await tools.Recorder.RunAsync(Asked(Restored.Call, revision), isRead: true, async operation =>
        {
            try
            {
                await using var store = await StoreProcess.StartAsync(program, prepare: (one, cluster) => RestoreAsync(program, file, one, cluster));
                await using var client = new StoreClient(store.Members[0].Client);
                await AskAsOldAsync(tools, client, revision);
                var range = await client.CallAsync<RangeResponse>("range", new RangeRequest { Key = _key, RangeEnd = _end });
                return operation with { Entries = States(range), Token = range.Header.Revision, Elements = [oldId, Id(range)] };
            }
            catch (StoreException broken)
            {
                return operation with { Outcome = Outcome.Fail, Error = broken.Message };
            }
        });
        await ReadPointAsync(tools, program, file, Math.Max(1, revision - tools.Chance.Next(MostRevisionsBack)));
        return true;
    }

    // Revisions and history are as they were, for whoever looks into a snapshot.
    private async Task ReadPointAsync(FaultTools tools, StoreProgram program, string file, long revision)
    {
        await ReadSavedAsync(tools, revision);
        await tools.Recorder.RunAsync(Asked(Restored.Point, revision), isRead: true, async operation =>
        {
            try
            {
                await using var store = await StoreProcess.StartAsync(
                    program, prepare: (one, cluster) => RestoreAsync(program, file, one, cluster, "--bump-revision", "0", "--mark-compacted=false"));
                await using var client = new StoreClient(store.Members[0].Client);
                var range = await client.CallAsync<RangeResponse>("range", new RangeRequest { Key = _key, RangeEnd = _end, Revision = revision });
                return operation with { Entries = States(range), Token = range.Header.Revision };
            }
            catch (StoreException broken)
            {
                return operation with { Outcome = Outcome.Fail, Error = broken.Message };
            }
        });
    }

    private static async Task RestoreAsync(StoreProgram program, string file, StoreMember member, string cluster, params string[] more)
    {
        string[] command =
        [
            "snapshot", "restore", file,
            "--data-dir", member.DataFolder,
            "--name", member.Name,
            "--initial-cluster", cluster,
            "--initial-cluster-token", StoreProcess.ClusterToken,
            "--initial-advertise-peer-urls", member.Peer.GetLeftPart(UriPartial.Authority),
            .. more,
        ];
        var (code, _, error) = await Shell.TryAsync(program.Path, command);
        if (code != 0)
        {
            throw new StoreException($"It is refused: {error}");
        }
    }

    /// <returns>The cluster's id.</returns>
    private async Task<string> ReadSavedAsync(FaultTools tools, long revision)
    {
        var id = "unknown";
        await tools.Recorder.RunAsync(Asked(Restored.Saved, revision), isRead: true, async operation =>
        {
            try
            {
                await using var client = new StoreClient(tools.Pick(tools.Cluster.Members).Client) { Patience = TimeSpan.FromSeconds(3) };
                var range = await client.CallAsync<RangeResponse>("range", new RangeRequest { Key = _key, RangeEnd = _end, Revision = revision });
                id = Id(range);
                return operation with { Entries = States(range), Revision = range.Header.Revision };
            }
            catch (StoreException broken)
            {
                return operation with { Outcome = Outcome.Fail, Error = broken.Message };
            }
        });
        return id;
    }

    private async Task AskAsOldAsync(FaultTools tools, StoreClient client, long revision)
    {
        await tools.Recorder.RunAsync(Asked(Restored.Old, revision) with { Value = "read" }, isRead: true, async operation =>
        {
            var answer = await client.CallAsync("range", new RangeRequest { Key = _key, RangeEnd = _end, Revision = revision });
            return operation with { Done = answer.Status is { Code: RpcStatusCode.OutOfRange, Detail: "etcdserver: mvcc: required revision has been compacted" }, Error = answer.Status.Detail };
        });
        await tools.Recorder.RunAsync(Asked(Restored.Old, revision) with { Value = "watch" }, isRead: true, async operation =>
        {
            using var patience = new CancellationTokenSource(WatchPatience);
            await using var watch = client.OpenWatch();
            try
            {
                await watch.Requests.WriteAsync(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = _key, RangeEnd = _end, StartRevision = revision, ProgressNotify = true } });
                await foreach (var response in watch.Responses.WithCancellation(patience.Token))
                {
                    if (response.Canceled || response.Events.Count > 0)
                    {
                        return operation with { Done = response.Canceled && response.CompactRevision > revision, Error = response.CancelReason };
                    }
                }

                return operation with { Done = false };
            }
            catch (Exception silent) when (silent is RpcException or OperationCanceledException)
            {
                return operation with { Done = false, Error = silent.Message };
            }
        });
    }

    private static Invocation Asked(string call, long revision) => Recorder.Asked(WatchLag.FirstOfNemeses, call) with { AtRevision = revision };

    private static string Id(RangeResponse range) => range.Header.ClusterId.ToString("x16", CultureInfo.InvariantCulture);

    private static List<KeyState> States(RangeResponse range) => [.. range.Kvs.Select(kv => new KeyState
    {
        Key = kv.Key.ToStringUtf8(),
        Value = kv.Value.ToStringUtf8(),
        Version = kv.Version,
        Created = kv.CreateRevision,
        Modified = kv.ModRevision,
    })];
}
