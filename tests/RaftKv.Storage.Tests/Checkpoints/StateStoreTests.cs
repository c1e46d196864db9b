using System.Buffers;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Raft.Log;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Snapshots;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Tests.Checkpoints;

public class StateStoreTests
{
    private const ulong Identity = 7;

    [Fact]
    public void A_checkpoint_that_a_state_from_another_member_has_overtaken_is_not_written()
    {
        var files = new SimulatedFileSystem(1);
        files.CreateDirectory("/here");
        files.CreateDirectory("/there");
        var maker = new LogRecordStoreMaker(files);
        using (var there = StateStore.Open(files, "/there", Identity, maker))
        using (var here = StateStore.Open(files, "/here", Identity, maker))
        {
            Apply(here.Machine, through: 3);
            Apply(there.Machine, through: 9);
            var slow = here.BeginCheckpoint();
            var room = here.BeginArrival();
            var installation = here.BeginInstallation(room, Send(there.Machine, room));
            installation.Write();
            here.FinishInstallation(installation);

            slow.Write();

            Assert.False(slow.IsWritten);
            Assert.Equal(9UL, here.Durable.Index);
        }

        using var again = StateStore.Open(files, "/here", Identity, maker);
        Assert.Equal(new LogPosition(1, 9), again.Machine.Applied);
    }

    private static StateMachine Send(StateMachine machine, ArrivingState room)
    {
        var tables = new ArrayBufferWriter<byte>();
        machine.WriteTables(tables);
        machine.Keys.Publish();
        using var view = machine.Keys.OpenView();
        var writer = new StateSnapshotWriter(tables.WrittenMemory, view);
        var reader = new StateSnapshotReader(room.Keys);
        var piece = new ArrayBufferWriter<byte>();
        while (writer.TryWrite(piece))
        {
            reader.Add(piece.WrittenSpan);
            piece.ResetWrittenCount();
        }

        return room.Complete(reader.Finish().Span);
    }

    private static void Apply(StateMachine machine, ulong through)
    {
        for (var index = machine.Applied.Index + 1; index <= through; index++)
        {
            var put = new PutRequest { Key = ByteString.CopyFromUtf8($"key {index}"), Value = ByteString.CopyFromUtf8("value") };
            var payload = CommandEnvelope.Encode(0, Caller.Nobody, CommandKind.Put, put.ToByteArray());
            machine.Apply(new Entry(term: 1, index, EntryKind.Command, payload), new Nobody());
        }
    }

    private sealed class Nobody : IAnswerSink
    {
        public bool IsAwaited(ulong requestId) => false;

        public void Complete(ulong requestId, in Answer answer)
        {
        }
    }
}
