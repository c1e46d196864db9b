using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Storage.Backups;
using RaftKv.Storage.Files;
using RaftKv.Storage.Snapshots;

namespace RaftKv.Cli.Commands.Maintenance;

/// <summary><c>raftkv snapshot save</c></summary>
/// <remarks>
/// <code>
///   FILE.part           comes from the member, is checked and synced
///   FILE.etcd.part      --format etcd: made of it
///   FILE                whoever sees it under its name sees all of it
/// </code>
/// </remarks>
internal sealed class SnapshotSaveCommand() : ClientCommand("snapshot save", "FILE", "Save all that a member holds into a file")
{
    private static readonly PhysicalFileSystem Files = new();

    private Flag<string> _format = null!;

    public override AnswerForms Forms => AnswerForms.Any;

    public override void AddFlags(FlagSet flags)
        => _format = flags.Text("format", "raftkv|etcd", "Whose tools are to restore it [as the member sends it]");

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("snapshot save expects one argument");
        }

        if (_format.Value is not ("" or "raftkv" or "etcd"))
        {
            throw CommandFailure.BadArguments($"--format is '{_format.Value}'; it must be raftkv or etcd");
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
        var path = arguments[0];
        var part = path + ".part";
        string version;
        try
        {
            await using (var file = NewFile(part))
            {
                version = await new SnapshotDownload(file, session.Cluster, session.Console.Error).RunAsync(stop);
            }

            if (IsOwn(part) && _format.Value == "etcd")
            {
                part = Converted(path, part);
            }

            File.Move(part, path, overwrite: true);
            Files.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (SnapshotDamagedException damaged)
        {
            throw new CommandFailure(ExitCode.Interrupted, $"{part}: {damaged.Message} Try again", damaged);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or StorageException)
        {
            throw new CommandFailure(ExitCode.Interrupted, $"could not save to {path} ({failure.Message})", failure);
        }

        session.Output.Line($"Snapshot saved at {path}");
        if (version.Length > 0)
        {
            session.Output.Line($"Server version {version}");
        }

        return ExitCode.Success;
    }

    // What the disk has is what counts, so it is read back.
    private bool IsOwn(string part)
    {
        using var saved = SavedState.Open(Files, part);
        saved.CheckSum();
        return saved.Maker == SnapshotMaker.RaftKv || _format.Value != "raftkv"
            ? saved.Maker == SnapshotMaker.RaftKv
            : throw new CommandFailure(ExitCode.BadArguments, "the member is one of etcd, and its snapshots are etcd's: leave --format away");
    }

    private static string Converted(string path, string part)
    {
        var to = path + ".etcd.part";
        var scratch = path + ".sorting";
        NewFile(to).Dispose();
        NewFile(scratch).Dispose();
        try
        {
            EtcdExport.Write(Files, part, to, scratch);
        }
        finally
        {
            File.Delete(scratch);
        }

        File.Delete(part);
        return to;
    }

    private static FileStream NewFile(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.ReadWrite };
        if (!OperatingSystem.IsWindows())
        {
            // Keys and values may be secrets. One that is there already may have been made for everybody to read.
            File.Delete(path);
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return new FileStream(path, options);
    }
}
