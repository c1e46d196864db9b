using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>A watch tells every change of its range from where it begins: in order, once, each revision as a whole; and tells of
/// progress only when everything was told.</b> What there was to tell is known from what was acknowledged and from what other
/// watches and reads were told.
/// </summary>
internal sealed class Watches : IChecker
{
    public string Name => "watches";

    public Verdict Check(History history)
    {
        var facts = Facts.Of(history.Operations);
        var findings = new List<Finding>(facts.Contradictions);
        var all = facts.All.OrderBy(change => change.Revision).ToList();
        var failed = history.Operations.Where(operation => operation is { Outcome: Outcome.Fail, Value: not null, Key: not null })
            .DistinctBy(operation => (operation.Key, operation.Value))
            .ToDictionary(operation => (operation.Key!, operation.Value!));
        var watches = history.Operations.Where(operation => operation.Watch is not null).ToList();
        var told = 0;
        foreach (var watch in watches)
        {
            var one = new OneWatch(watch, facts, findings);
            one.Check(failed);
            one.CheckComplete(all);
            told += one.Told;
        }

        return watches.Count == 0 ? Verdict.UnknownOf(Name, "Nobody watched.") : Verdict.Of(Name, findings, $"{watches.Count} watches, {told} events");
    }

    private sealed class OneWatch(Invocation watch, Facts facts, List<Finding> findings)
    {
        private readonly HashSet<(long, string)> _told = [];
        private readonly Dictionary<string, WatchedEvent> _last = new(StringComparer.Ordinal);

        // Everything before has been told, by what the watch says itself.
        private long _from = watch.AtRevision ?? 0;

        // Everything from here on had to be told; unknown until the watch says when it began.
        private long _first = watch.AtRevision ?? 0;
        private long _lastRevision;

        public int Told => _told.Count;

        public void Check(Dictionary<(string, string), Invocation> failed)
        {
            foreach (var part in watch.Watch!)
            {
                switch (part.Kind)
                {
                    case WatchPartKind.Created when _from == 0:
                        _from = _first = part.Revision + 1;
                        break;
                    case WatchPartKind.Events:
                        Events(part, failed);
                        break;
                    case WatchPartKind.Progress:
                        Progress(part.Revision);
                        break;
                    case WatchPartKind.Canceled when part.CompactRevision > 0 && part.CompactRevision <= _from:
                        Add("wrong-compaction", $"it is ended for a compaction to {part.CompactRevision}, and goes on at {_from}");
                        break;
                }
            }

            if (watch.Done == false)
            {
                Add("never-caught-up", $"it was waited for long after the last fault, and has come to {_from - 1} only: {watch.Error}");
            }
        }

        /// <summary>Every change between the first and the last revision that it speaks of was told.</summary>
        public void CheckComplete(List<Change> all)
        {
            foreach (var change in all)
            {
                if (change.Revision >= _first && change.Revision < _from && _first > 0 && Concerns(change.Key) && !_told.Contains((change.Revision, change.Key)))
                {
                    findings.Add(new Finding(
                        "lost-event",
                        $"{Who()} has told what happened from {_first} to {_from - 1}, but not that '{change.Key}' was changed at {change.Revision}.",
                        watch,
                        change.Told));
                }
            }
        }

        private void Events(WatchPart part, Dictionary<(string, string), Invocation> failed)
        {
            var before = _lastRevision;
            foreach (var told in part.Events!)
            {
                Order(told, before);
                Content(told, failed);
                _last[told.Key] = told;
                _lastRevision = Math.Max(_lastRevision, told.Modified);
            }

            if (part.Events!.Count > 0)
            {
                _from = Math.Max(_from, _lastRevision + 1);
            }
        }

        private void Order(WatchedEvent told, long before)
        {
            if (!Concerns(told.Key))
            {
                Add("wrong-range", $"it tells of {told}");
            }

            if (!_told.Add((told.Modified, told.Key)))
            {
                Add("told-twice", $"it tells {told} again");
            }
            else if (told.Modified < _lastRevision)
            {
                Add("out-of-order", $"it tells {told} after revision {_lastRevision}");
            }
            else if (told.Modified == before)
            {
                Add("split-revision", $"it tells {told} apart from the rest of that revision");
            }
            else if (told.Modified < _from)
            {
                Add("told-too-late", $"it tells {told}, and had said that all before {_from} was told");
            }
        }

        private void Content(WatchedEvent told, Dictionary<(string, string), Invocation> failed)
        {
            if (told.Value is not null && failed.TryGetValue((told.Key, told.Value), out var refused))
            {
                findings.Add(new Finding("G1a", $"{Who()} tells {told}, which failed for certain.", refused, watch));
            }

            if (!told.Deleted && (told.Version == 1) != (told.Created == told.Modified))
            {
                Add("wrong-create", $"it tells {told}, created at {told.Created}");
            }

            if (_last.GetValueOrDefault(told.Key) is { } last && !told.Deleted && told.Version != (last.Deleted ? 1 : last.Version + 1))
            {
                Add("lost-event", $"it tells {told} right after {last}");
            }

            if (told.Before is { } previous && facts.LastChange(told.Key, told.Modified - 1) is { } change
                && (change.Revision > previous.Modified || (change.Revision == previous.Modified && change.Value != previous.Value)))
            {
                Add("wrong-previous", $"it tells that before {told} there was {previous}, and the last change was at {change.Revision}");
            }
        }

        private void Progress(long revision)
        {
            if (revision < _lastRevision)
            {
                Add("progress-went-back", $"it says that it is at {revision}, and has told of {_lastRevision}");
            }

            // A watch that has yet to begin says nothing of what is before.
            if (_from > 0)
            {
                _from = Math.Max(_from, revision + 1);
            }
        }

        private bool Concerns(string key) => key.StartsWith(watch.Key ?? "", StringComparison.Ordinal);

        private string Who() => $"The watch of process {watch.Process} on {watch.Member}, begun at revision {watch.AtRevision ?? 0},";

        private void Add(string anomaly, string what) => findings.Add(new Finding(anomaly, $"{Who()} is wrong: {what}.", watch));
    }
}
