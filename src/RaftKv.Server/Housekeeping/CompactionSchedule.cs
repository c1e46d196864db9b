namespace RaftKv.Server.Housekeeping;

/// <summary>When history is dropped, and how far. It knows no clock: it is told of the revision once an
/// <see cref="Interval"/>.</summary>
internal abstract class CompactionSchedule
{
    private long _done = -1;

    /// <summary>How often it is to be told.</summary>
    public abstract TimeSpan Interval { get; }

    public static CompactionSchedule Of(AutoCompaction plan)
        => plan.Revisions > 0 ? new ByRevision(plan.Revisions) : new ByAge(plan.Period);

    /// <summary>An interval has gone by.</summary>
    /// <param name="revision">Of the key space now.</param>
    /// <returns>What history is to be compacted to; null if nothing is to be done now. If it was done, or would be by
    /// somebody who may, <see cref="Done"/> is to be called; else it is due again the next time.</returns>
    public long? Look(long revision) => Target(revision) is { } target && target != _done && target > 0 ? target : null;

    /// <summary>History was compacted to a revision.</summary>
    public virtual void Done(long revision) => _done = revision;

    protected abstract long? Target(long revision);

    // Ten looks an hour, or a period if that is shorter. What is due goes to where the revision stood a period ago.
    private sealed class ByAge : CompactionSchedule
    {
        private const int LooksBetween = 10;

        private readonly Queue<long> _seen = [];
        private readonly int _looksInPeriod;
        private int _rest;

        public ByAge(TimeSpan period)
        {
            var between = period < TimeSpan.FromHours(1) ? period : TimeSpan.FromHours(1);
            Interval = between / LooksBetween;
            _looksInPeriod = (int)Math.Ceiling(period / Interval);
        }

        public override TimeSpan Interval { get; }

        public override void Done(long revision)
        {
            base.Done(revision);
            _rest = LooksBetween;
        }

        protected override long? Target(long revision)
        {
            _rest--;
            _seen.Enqueue(revision);
            if (_seen.Count <= _looksInPeriod)
            {
                return null;
            }

            while (_seen.Count > _looksInPeriod + 1)
            {
                _seen.Dequeue();
            }

            return _rest <= 0 ? _seen.Peek() : null;
        }
    }

    private sealed class ByRevision(long kept) : CompactionSchedule
    {
        public override TimeSpan Interval => TimeSpan.FromMinutes(5);

        protected override long? Target(long revision) => revision - kept;
    }
}
