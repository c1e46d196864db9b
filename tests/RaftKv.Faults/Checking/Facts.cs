using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>A change of a key at a revision, that somebody was told of.</summary>
/// <param name="Value">Null: it was deleted.</param>
/// <param name="Version">0 where it was not told.</param>
/// <param name="Told">By whom.</param>
internal sealed record Change(string Key, long Revision, string? Value, long Version, Invocation Told)
{
    public bool IsDelete => Value is null;
}

/// <summary>
/// What all answers together say happened at which revision, key by key. They may not contradict each other, whoever was
/// told and however: by an acknowledgement, a read or a watch.
/// </summary>
internal sealed class Facts
{
    private readonly Dictionary<string, SortedList<long, Change>> _keys = new(StringComparer.Ordinal);
    private readonly List<Finding> _findings = [];

    private Facts()
    {
    }

    /// <summary>Answers that contradict each other.</summary>
    public IReadOnlyList<Finding> Contradictions => _findings;

    public IEnumerable<string> Keys => _keys.Keys;

    public IEnumerable<Change> All => _keys.Values.SelectMany(changes => changes.Values);

    public static Facts Of(IEnumerable<Invocation> operations)
    {
        var facts = new Facts();
        foreach (var operation in operations)
        {
            facts.AddAcknowledged(operation);
            facts.AddShown(operation);
        }

        return facts;
    }

    /// <summary>The last change of a key up to a revision, that is known.</summary>
    public Change? LastChange(string key, long revision)
    {
        if (!_keys.TryGetValue(key, out var changes))
        {
            return null;
        }

        var (low, high) = (0, changes.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = changes.Keys[middle] <= revision ? (middle + 1, high) : (low, middle);
        }

        return low == 0 ? null : changes.Values[low - 1];
    }

    private void AddAcknowledged(Invocation operation)
    {
        if (operation is not { IsOk: true, Wrote: true, Revision: { } revision })
        {
            return;
        }

        if (operation.Key is { } key && operation.Call is KeyModel.Write or KeyModel.Cas or KeyModel.Delete)
        {
            Add(new Change(key, revision, operation.Call == KeyModel.Delete ? null : operation.Value, 0, operation));
        }

        foreach (var writes in (operation.Steps ?? []).Where(step => step.Kind == StepKind.Write).GroupBy(step => step.Key))
        {
            Add(new Change(writes.Key, revision, writes.Last().Value, 0, operation));
        }
    }

    private void AddShown(Invocation operation)
    {
        if (!operation.IsOk)
        {
            return;
        }

        var shown = operation.Found is { Exists: true } found ? [found with { Key = operation.Key }] : operation.Entries ?? [];
        foreach (var state in shown.Where(state => state is { Key: not null, Value: not null }))
        {
            Add(new Change(state.Key!, state.Modified, state.Value, state.Version, operation));
        }

        foreach (var told in (operation.Watch ?? []).SelectMany(part => part.Events ?? []))
        {
            Add(new Change(told.Key, told.Modified, told.Deleted ? null : told.Value ?? "", told.Version, operation));
        }
    }

    private void Add(Change change)
    {
        var changes = _keys.TryGetValue(change.Key, out var known) ? known : _keys[change.Key] = [];
        if (changes.TryAdd(change.Revision, change))
        {
            return;
        }

        var before = changes[change.Revision];
        if (before.Value != change.Value || (before.Version != 0 && change.Version != 0 && before.Version != change.Version))
        {
            _findings.Add(new Finding(
                "contradiction",
                $"At revision {change.Revision}, '{change.Key}' became {Text(before)}, and it became {Text(change)}.",
                before.Told,
                change.Told));
        }
        else if (before.Version == 0)
        {
            changes[change.Revision] = change;
        }
    }

    private static string Text(Change change) => change.IsDelete ? "deleted" : $"'{change.Value}' in version {change.Version}";
}
