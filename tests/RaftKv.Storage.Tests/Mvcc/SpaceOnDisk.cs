using System.Text;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;

namespace RaftKv.Storage.Tests.Mvcc;

/// <summary>A key space on a simulated disk, with the little that its owner has to remember beside it.</summary>
internal sealed class SpaceOnDisk : IDisposable
{
    private const string Folder = "/records";
    private const ulong Identity = 0xFEED;

    private readonly IRecordStoreMaker _maker;
    private readonly KeySpaceFaults _faults;
    private ReadOnlyMemory<byte>? _token;
    private KeySpacePosition _position;

    public SpaceOnDisk(KeySpaceFaults? faults = null, Func<IFileSystem, IRecordStoreMaker>? maker = null)
    {
        _faults = faults ?? KeySpaceFaults.None;
        _maker = maker is null
            ? new LogRecordStoreMaker(Disk, new LogRecordStoreOptions { SegmentBytes = 256, BufferBytes = 0 })
            : maker(Disk);
        Disk.CreateDirectory(Folder);
        Disk.SyncDirectory("/");
        Space = new KeySpace(_maker.Create(Folder, Identity), _faults);
    }

    public SimulatedFileSystem Disk { get; } = new(seed: 1);

    public KeySpace Space { get; private set; }

    /// <summary>One write that is not published yet.</summary>
    public void Write(params (string Key, string? Value)[] changes)
    {
        Space.BeginWrite();
        foreach (var (key, value) in changes)
        {
            if (value is null)
            {
                Space.Delete(Encoding.UTF8.GetBytes(key), out _);
            }
            else
            {
                Space.Put(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value), lease: 0);
            }
        }

        Space.EndWrite();
    }

    /// <summary>A put of a key by itself, published.</summary>
    public void Put(string key, string value = "value")
    {
        Write((key, value));
        Space.Publish();
    }

    public void Delete(string key)
    {
        Write((key, null));
        Space.Publish();
    }

    /// <summary>Compacts up to now, index and all.</summary>
    public void CompactFully()
    {
        if (Space.Revision > Space.Compacted)
        {
            Space.Compact(Space.Revision);
            Space.Publish();
        }

        FinishCompaction();
    }

    public void FinishCompaction()
    {
        while (Space.CompactStep(10))
        {
        }

        Space.Publish();
    }

    /// <summary>From here a restart begins.</summary>
    public void Checkpoint()
    {
        var position = Space.Position;
        var checkpoint = Space.BeginCheckpoint();
        checkpoint.Wait();
        _token = checkpoint.Token.ToArray();
        _position = position;
        Space.ReleaseBefore(_token.Value);
    }

    /// <summary>Looks through all that may be looked through, and makes the outcome what a restart finds.</summary>
    public long ReclaimAll()
    {
        var letGo = 0L;
        while (Space.ReclaimStep(1) is { LookedThrough: > 0 } outcome)
        {
            letGo += outcome.LetGo;
        }

        Checkpoint();
        return letGo;
    }

    /// <summary>The power goes, and what comes back is opened.</summary>
    public void Restart()
    {
        Space.Dispose();
        Disk.Crash(UnsyncedFate.Lost);
        var records = _token is { } token ? _maker.Open(Folder, Identity, token) : _maker.Create(Folder, Identity);
        Space = _token is null
            ? new KeySpace(records, _faults)
            : KeySpace.Open(records, _position, _faults);
    }

    /// <summary>What a view sees at its newest revision.</summary>
    public static Dictionary<string, string> Contents(KeySpaceView view, long revision = long.MaxValue)
    {
        var contents = new Dictionary<string, string>();
        var keys = view.Keys.Scan(KeyRange.All, revision);
        while (keys.MoveNext())
        {
            var sink = new Records.CollectingSink();
            view.Read([keys.Current.Modified], sink);
            var fields = RecordFormat.Read(sink.Records[0].Record);
            contents.Add(Encoding.UTF8.GetString(keys.Key), Encoding.UTF8.GetString(fields.Value));
        }

        return contents;
    }

    /// <summary>What anybody would see now.</summary>
    public Dictionary<string, string> Contents()
    {
        using var view = Space.OpenView();
        return Contents(view);
    }

    public void Dispose() => Space.Dispose();
}
