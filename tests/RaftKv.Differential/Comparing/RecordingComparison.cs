using RaftKv.Differential.Running;
using RaftKv.Differential.Text;
using RaftKv.Stores;

namespace RaftKv.Differential.Comparing;

/// <summary>Finds where two recordings of one sequence differ.</summary>
/// <param name="leftIsOld">The left store is etcd 3.4.</param>
/// <param name="rightIsOld">The right store is.</param>
public sealed class RecordingComparison(bool leftIsOld, bool rightIsOld)
{
    /// <summary>How often each known difference was met.</summary>
    public Dictionary<string, int> Known { get; } = new(StringComparer.Ordinal);

    /// <summary>How often each operation ended in which way, so that one sees what was tried at all.</summary>
    public SortedDictionary<string, int> Outcomes { get; } = new(StringComparer.Ordinal);

    /// <summary>The first difference that nothing explains, or null.</summary>
    public Difference? First(Recording left, Recording right)
    {
        for (var i = 0; i < left.Steps.Count; i++)
        {
            Count(left.Steps[i]);
            var (a, b) = (Text(left.Steps[i]), Text(right.Steps[i]));
            if (a != b && !IsKnown(left.Steps[i], right.Steps[i]))
            {
                return new($"operation {i + 1}: {left.Steps[i].Operation}", a, b);
            }
        }

        foreach (var (a, b) in left.Events.Zip(right.Events))
        {
            var (ofLeft, ofRight) = (Text(a), Text(b));
            if (ofLeft != ofRight && leftIsOld != rightIsOld && a.Events.SequenceEqual(b.Events))
            {
                Met(KnownDifference.KeptTombstones);
                continue;
            }

            if (ofLeft != ofRight)
            {
                return new($"events of watch.{a.Stream}, watcher {a.Ordinal}: {a.Request}", ofLeft, ofRight);
            }
        }

        var (problems, problemsRight) = (string.Join("; ", left.Problems), string.Join("; ", right.Problems));
        if (problems.Length + problemsRight.Length > 0)
        {
            return new("rules of watching", OrFine(problems), OrFine(problemsRight));
        }

        var (leftovers, leftoversRight) = (string.Join("; ", left.Leftovers), string.Join("; ", right.Leftovers));
        return leftovers == leftoversRight ? null : new("replies that nobody asked for", leftovers, leftoversRight);
    }

    private bool IsKnown(Step left, Step right)
    {
        if (leftIsOld == rightIsOld)
        {
            return false;
        }

        if ((leftIsOld ? KnownDifference.Of(left, right) : KnownDifference.Of(right, left)) is not { } known)
        {
            return false;
        }

        Met(known.Name);
        return true;
    }

    private void Met(string known) => Known[known] = Known.GetValueOrDefault(known) + 1;

    private static string Text(WatchedEvents events) => string.Join(" | ", events.Tombstones.Concat(events.Events));

    private void Count(Step step)
    {
        foreach (var answer in step.Answers)
        {
            var outcome = $"{step.Operation.Verb} {(answer.IsOk ? "OK" : answer.Status.Detail)}";
            Outcomes[outcome] = Outcomes.GetValueOrDefault(outcome) + 1;
        }
    }

    private static string OrFine(string problems) => problems.Length > 0 ? problems : "fine";

    private static string Text(Step step) => step.Answers.Count == 0 ? "no answer" : string.Join(" | ", step.Answers.Select(Text));

    private static string Text(Answer answer)
        => answer.Message is { } message ? $"{message.Descriptor.Name} {MessageText.Write(message)}" : $"{answer.Status.Code}: {answer.Status.Detail}";
}
