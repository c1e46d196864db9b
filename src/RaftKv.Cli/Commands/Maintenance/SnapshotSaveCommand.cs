using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Cli.Commands.Maintenance;

/// <summary><c>raftkv snapshot save</c></summary>
internal sealed class SnapshotSaveCommand() : ClientCommand("snapshot save", "FILE", "Save all that a member holds into a file")
{
    private const int Block = 512;
    private const int SumBytes = 32;

    public override AnswerForms Forms => AnswerForms.Any;

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("snapshot save expects one argument");
        }

        var endpoints = session.Common.Endpoints.Values;
        if (endpoints.Count > 1)
        {
            throw new CommandFailure(
                ExitCode.Interrupted, $"snapshot must be requested to one selected node, not multiple [{string.Join(' ', endpoints)}]");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        // Whoever sees the file under its name sees all of it.
        var path = arguments[0];
        var part = path + ".part";
        try
        {
            var length = await DownloadAsync(part, session.Cluster, stop);
            if (length % Block != SumBytes)
            {
                throw new CommandFailure(
                    ExitCode.Interrupted, $"the snapshot in {part} has {length} bytes and no sum at its end: it is not whole; try again");
            }

            File.Move(part, path, overwrite: true);
        }
        catch (RpcException failure)
        {
            throw new CommandFailure(ExitCode.Interrupted, session.Cluster.Explain(failure).Message, failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCode.Interrupted, $"could not save to {path} ({failure.Message})", failure);
        }

        session.Output.Line($"Snapshot saved at {path}");
        return ExitCode.Success;
    }

    private static async Task<long> DownloadAsync(string path, ClusterConnection cluster, CancellationToken stop)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            // Keys and values may be secrets.
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        await using var file = new FileStream(path, options);
        await using var call = await cluster.DownloadAsync(EtcdMethods.Snapshot, new SnapshotRequest(), stop);
        await foreach (var response in call.Responses.WithCancellation(stop))
        {
            await file.WriteAsync(response.Blob.Memory, stop);
        }

        file.Flush(flushToDisk: true);
        return file.Length;
    }
}
