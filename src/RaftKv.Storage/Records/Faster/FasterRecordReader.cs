using FASTER.core;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Records.Faster;

/// <summary>A session of FASTER's, for one reader at a time; pooled by the store.</summary>
internal sealed class FasterRecordReader : IRecordReader
{
    // How many reads wait for the disk together. More would hold more records in memory until their turn comes.
    private const int Window = 32;

    private readonly FasterRecordStore _store;
    private readonly RecordReading _reading;
    private readonly ClientSession<RecordKey, SpanByte, int, byte, int, RecordReading> _session;

    public FasterRecordReader(FasterRecordStore store, FasterKV<RecordKey, SpanByte> log)
    {
        _store = store;
        _reading = new RecordReading(store.Device);
        _session = log.For(_reading).NewSession<RecordReading>();
    }

    public bool TryRead(Revision revision, IRecordSink sink)
    {
        while (true)
        {
            var begin = _store.BeginAddress;
            var damageCount = _store.Device.DamageCount;
            if (TryReadOnce(revision, sink))
            {
                return true;
            }

            if (_store.Device.DamageCount != damageCount && _store.Device.Damage is { } damage)
            {
                throw new RecordCorruptException(
                    damage.Path, damage.Offset, revision, $"expected {damage.Expected}, found {damage.Found}");
            }

            // Reclaiming moved the record while it was on its way from its old place.
            if (_store.BeginAddress == begin)
            {
                return false;
            }
        }
    }

    public void Read(ReadOnlySpan<Revision> revisions, IRecordSink sink)
    {
        while (revisions.Length > 0)
        {
            var count = Math.Min(revisions.Length, Window);
            ReadWindow(revisions[..count], sink);
            revisions = revisions[count..];
        }
    }

    public void Dispose() => _store.TakeBack(this);

    public void Close() => _session.Dispose();

    private bool TryReadOnce(Revision revision, IRecordSink sink)
    {
        _reading.Begin(1);
        var key = new RecordKey(revision.Main, revision.Sub);
        var fate = Start(ref key, 0, isDirect: true, sink);
        if (fate is null)
        {
            Finish();
            fate = _reading.Fates[0];
        }

        _reading.Failure?.Throw();
        if (fate == ReadFate.Kept)
        {
            sink.Accept(revision, _reading.Slot(0));
            _reading.ShrinkSlot(0);
        }

        return fate != ReadFate.Missing;
    }

    // Records in memory go straight to the sink until the first that is not; from there on they wait in slots for their turn.
    private void ReadWindow(ReadOnlySpan<Revision> revisions, IRecordSink sink)
    {
        _reading.Begin(revisions.Length);
        var firstWaiting = revisions.Length;
        RecordDevice.ReadTogether(revisions.Length > 1);
        try
        {
            for (var i = 0; i < revisions.Length; i++)
            {
                var key = new RecordKey(revisions[i].Main, revisions[i].Sub);
                var isDirect = firstWaiting == revisions.Length;
                var fate = Start(ref key, i, isDirect, sink);
                _reading.Fates[i] = fate ?? ReadFate.Missing;
                if (fate != ReadFate.HandedOut)
                {
                    firstWaiting = Math.Min(firstWaiting, i);
                }

                if (_reading.Failure is not null)
                {
                    break;
                }
            }

            if (firstWaiting < revisions.Length)
            {
                Finish();
            }
        }
        finally
        {
            RecordDevice.ReadTogether(false);
        }

        if (firstWaiting == revisions.Length || _reading.Failure is not null)
        {
            _reading.Failure?.Throw();
            return;
        }

        HandOut(revisions, firstWaiting, sink);
    }

    private void HandOut(ReadOnlySpan<Revision> revisions, int from, IRecordSink sink)
    {
        for (var i = from; i < revisions.Length; i++)
        {
            if (_reading.Fates[i] == ReadFate.Missing)
            {
                // Looked for once more, by itself: only that tells missing from damaged or moved. It uses the first slot,
                // which was handed out already, or is this one, or was not needed.
                if (!TryRead(revisions[i], sink))
                {
                    throw new RecordMissingException(_store.Directory, revisions[i]);
                }
            }
            else
            {
                sink.Accept(revisions[i], _reading.Slot(i));
                _reading.ShrinkSlot(i);
            }
        }
    }

    // Null if it is on its way from the disk.
    private ReadFate? Start(ref RecordKey key, int slot, bool isDirect, IRecordSink sink)
    {
        byte output = 0;
        _reading.Sink = sink;
        _reading.IsDirect = isDirect;
        var status = _session.Read(ref key, ref slot, ref output, slot);
        _reading.IsDirect = false;
        return status.IsPending ? null
            : !status.Found ? ReadFate.Missing
            : isDirect ? ReadFate.HandedOut
            : ReadFate.Kept;
    }

    private void Finish() => _session.CompletePending(wait: true);
}
