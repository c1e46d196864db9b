using System.Buffers;
using RaftKv.Protocol.Etcd;
using RaftKv.Raft.Log;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.Snapshots;
using RaftKv.Storage.State;
using RaftKv.Storage.Tests.State.Model;

namespace RaftKv.Storage.Tests.Snapshots;

/// <summary>A small state that has one of everything: always the same.</summary>
internal static class SampleState
{
    private static readonly StateRequest[] Story =
    [
        new StateRequest.Grant(7, 60),
        Put("a", "1", lease: 7),
        Put("b", "2"),
        Put("gone", "3"),
        new StateRequest.Txn(new TxnRequest
        {
            Success =
            {
                new RequestOp { RequestPut = new PutRequest { Key = Bytes("b"), Value = Bytes("4") } },
                new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = Bytes("gone") } },
                new RequestOp { RequestPut = new PutRequest { Key = Bytes("empty") } },
            },
        }),
        new StateRequest.Compact(0),
        Put("a", "5"),
        Put("\xff", "6", lease: 7),
        new StateRequest.Delete(new DeleteRangeRequest { Key = Bytes("b") }),
        new StateRequest.Checkpoint(7, 30),
        new StateRequest.AddUser("anna"),
        new StateRequest.AddRole("reader"),
        new StateRequest.Space(IsOut: true),
    ];

    public static IEnumerable<Entry> Log
    {
        get
        {
            var model = new NaiveState();
            for (var i = 0; i < Story.Length; i++)
            {
                yield return new Entry(1, (ulong)i + 1, EntryKind.Command, Story[i].Encode(model.Now, requestId: 0));
                model.Apply(Story[i]);
            }
        }
    }

    /// <summary>What the model says of it.</summary>
    public static NaiveMoment Model
    {
        get
        {
            var model = new NaiveState();
            foreach (var request in Story)
            {
                model.Apply(request);
            }

            return model.Now;
        }
    }

    public static KeySpace NewKeys()
    {
        var disk = new SimulatedFileSystem(seed: 1);
        disk.CreateDirectory("/records");
        disk.SyncDirectory("/");
        return new KeySpace(LogRecordStore.Create(disk, "/records", 1));
    }

    public static StateMachine NewMachine()
    {
        var machine = new StateMachine(NewKeys());
        foreach (var entry in Log)
        {
            machine.Apply(entry, new Nobody());
        }

        machine.Keys.Publish();
        return machine;
    }

    public static byte[] SnapshotOf(StateMachine machine)
    {
        using var view = machine.Keys.OpenView();
        return SnapshotOf(machine, view);
    }

    public static byte[] SnapshotOf(StateMachine machine, KeySpaceView view)
    {
        var tables = new ArrayBufferWriter<byte>();
        machine.WriteTables(tables);
        var writer = new StateSnapshotWriter(tables.WrittenMemory, view);
        var bytes = new ArrayBufferWriter<byte>();
        while (writer.TryWrite(bytes))
        {
        }

        return bytes.WrittenSpan.ToArray();
    }

    public static StateMachine TakeIn(ReadOnlySpan<byte> snapshot, int pieceBytes = int.MaxValue)
    {
        var keys = NewKeys();
        var reader = new StateSnapshotReader(keys);
        while (snapshot.Length > 0)
        {
            var count = Math.Min(snapshot.Length, pieceBytes);
            reader.Add(snapshot[..count]);
            snapshot = snapshot[count..];
        }

        return StateMachine.Open(
            reader.Finish().Span,
            position =>
            {
                keys.FinishImport(position);
                return keys;
            });
    }

    private static StateRequest.Put Put(string key, string value, long lease = 0)
        => new(new PutRequest { Key = Bytes(key), Value = Bytes(value), Lease = lease });

    private static Google.Protobuf.ByteString Bytes(string text)
        => Google.Protobuf.ByteString.CopyFrom(text, System.Text.Encoding.Latin1);

    internal sealed class Nobody : IAnswerSink
    {
        public bool IsAwaited(ulong requestId) => false;

        public void Complete(ulong requestId, in Answer answer)
        {
        }
    }
}
