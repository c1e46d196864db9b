using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using RaftKv.Differential.Sequences;
using RaftKv.Differential.Text;

namespace RaftKv.Differential.Comparing;

/// <summary>
/// Makes a sequence that fails smaller: fewer operations, then less in each, as long as it still fails (in whatever way:
/// the smallest difference is the one to look at first).
/// </summary>
/// <param name="fails">Runs a sequence; what differs, or null.</param>
/// <param name="mostRuns">After so many runs the best found so far is good enough.</param>
public sealed class Shrinker(Func<IReadOnlyList<Operation>, Task<Difference?>> fails, int mostRuns)
{
    private int _runs;
    private List<Operation> _smallest = [];
    private Difference? _difference;

    /// <returns>The smallest sequence found, and its difference.</returns>
    public async Task<(IReadOnlyList<Operation> Operations, Difference Difference)> ShrinkAsync(
        IReadOnlyList<Operation> operations, Difference difference)
    {
        (_smallest, _difference) = ([.. operations], difference);
        while (await RemoveOperationsAsync() | await SimplifyOperationsAsync())
        {
            // What one step leaves behind, the other may be able to take away.
        }

        return (_smallest, _difference);
    }

    private async Task<bool> RemoveOperationsAsync()
    {
        var removed = false;
        for (var length = Math.Max(1, _smallest.Count / 2); length >= 1; length /= 2)
        {
            // From the end: what comes later depends on what was before.
            for (var at = _smallest.Count - length; at >= 0; at -= length)
            {
                removed |= at + length <= _smallest.Count && await StillFailsAsync([.. _smallest[..at], .. _smallest[(at + length)..]]);
            }
        }

        return removed;
    }

    private async Task<bool> SimplifyOperationsAsync()
    {
        var simplified = false;
        for (var i = 0; i < _smallest.Count; i++)
        {
            // After each success the candidates are others.
            while (await SimplifyAsync(i))
            {
                simplified = true;
            }
        }

        return simplified;
    }

    private async Task<bool> SimplifyAsync(int index)
    {
        foreach (var simpler in Simpler(_smallest[index].Request))
        {
            List<Operation> candidate = [.. _smallest];
            candidate[index] = candidate[index] with { Request = simpler };
            if (await StillFailsAsync(candidate))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The message with one thing less, in every way.</summary>
    private static IEnumerable<IMessage> Simpler(IMessage message)
    {
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder().Where(field => MessageText.IsSet(message, field)))
        {
            var copy = MessageCopy.Of(message);
            field.Accessor.Clear(copy);
            yield return copy;

            var value = field.Accessor.GetValue(message);
            if (value is IList list)
            {
                for (var i = 0; i < list.Count; i++)
                {
                    copy = MessageCopy.Of(message);
                    ((IList)field.Accessor.GetValue(copy)).RemoveAt(i);
                    yield return copy;
                }

                for (var i = 0; field.FieldType == FieldType.Message && i < list.Count; i++)
                {
                    foreach (var simpler in Simpler((IMessage)list[i]!))
                    {
                        copy = MessageCopy.Of(message);
                        ((IList)field.Accessor.GetValue(copy))[i] = simpler;
                        yield return copy;
                    }
                }
            }
            else if (value is IMessage inner)
            {
                foreach (var simpler in Simpler(inner))
                {
                    copy = MessageCopy.Of(message);
                    field.Accessor.SetValue(copy, simpler);
                    yield return copy;
                }
            }
        }
    }

    private async Task<bool> StillFailsAsync(List<Operation> candidate)
    {
        if (candidate.Count == 0 || _runs >= mostRuns)
        {
            return false;
        }

        _runs++;
        if (await fails(candidate) is not { } difference)
        {
            return false;
        }

        (_smallest, _difference) = (candidate, difference);
        return true;
    }
}
