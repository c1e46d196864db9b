namespace RaftKv.Faults.Checking.Transactions;

/// <summary>
/// Looks for transactions each of which must stand before the next, around: then there is no order of all. Which reasons the
/// circle is made of gives it its name, after Adya 1999 and Elle (Kingsbury and Alvaro 2020).
/// </summary>
internal static class Cycles
{
    // Some contradictions put all that follows into one circle; the first few tell what there is to tell.
    private const int MostTries = 2000;

    public static IEnumerable<Finding> Find(Dependencies graph)
    {
        var names = new HashSet<string>();
        foreach (var (reasons, once) in new[]
        {
            (Reason.WriteWrite, Reason.None),
            (Reason.WriteWrite | Reason.WriteRead, Reason.None),
            (Reason.WriteWrite | Reason.WriteRead, Reason.ReadWrite),
            (Reason.WriteWrite | Reason.WriteRead | Reason.ReadWrite, Reason.None),
            (Reason.WriteWrite | Reason.Time, Reason.None),
            (Reason.WriteWrite | Reason.WriteRead | Reason.Time, Reason.None),
            (Reason.WriteWrite | Reason.WriteRead | Reason.Time, Reason.ReadWrite),
            (Reason.WriteWrite | Reason.WriteRead | Reason.ReadWrite | Reason.Time, Reason.None),
        })
        {
            if (FindOne(graph, reasons, once) is { } circle && NameOf(graph, circle) is var name && names.Add(name))
            {
                yield return new Finding(name, Describe(graph, circle), [.. circle.Select(transaction => graph.Transactions[transaction])]);
            }
        }
    }

    /// <summary>A circle of these reasons; of the other one, if there is one, exactly one step.</summary>
    private static List<int>? FindOne(Dependencies graph, Reason reasons, Reason once)
    {
        var component = Components(graph, reasons | once);
        var tries = 0;
        List<int>? best = null;
        for (var from = 0; from < graph.Count && tries < MostTries; from++)
        {
            foreach (var (to, why) in graph.After(from))
            {
                var isFirstStep = (why & (once == Reason.None ? reasons : once)) != 0;
                if (component[from] != component[to] || !isFirstStep || ++tries > MostTries)
                {
                    continue;
                }

                if (Path(graph, to, from, reasons, component) is { } path && (best is null || path.Count < best.Count))
                {
                    best = path;
                    if (best.Count == 2)
                    {
                        return best;
                    }
                }
            }
        }

        return best;
    }

    private static List<int>? Path(Dependencies graph, int from, int to, Reason reasons, int[] component)
    {
        var cameFrom = new Dictionary<int, int> { [from] = from };
        var queue = new Queue<int>([from]);
        while (queue.TryDequeue(out var at))
        {
            if (at == to)
            {
                var path = new List<int> { to };
                for (var step = to; step != from;)
                {
                    step = cameFrom[step];
                    path.Add(step);
                }

                // From the one whose step closes the circle.
                path.Reverse();
                path.Insert(0, path[^1]);
                path.RemoveAt(path.Count - 1);
                return path;
            }

            foreach (var (next, why) in graph.After(at))
            {
                if ((why & reasons) != 0 && component[next] == component[from] && cameFrom.TryAdd(next, at))
                {
                    queue.Enqueue(next);
                }
            }
        }

        return null;
    }

    /// <summary>Which transactions can be reached from each other, by Tarjan 1972, without recursion.</summary>
    private static int[] Components(Dependencies graph, Reason reasons)
    {
        var order = new int[graph.Count];
        var low = new int[graph.Count];
        var component = new int[graph.Count];
        Array.Fill(component, -1);
        var open = new Stack<int>();
        var calls = new Stack<(int Node, IEnumerator<KeyValuePair<int, Reason>> Others)>();
        var counter = 0;
        for (var root = 0; root < graph.Count; root++)
        {
            if (order[root] != 0)
            {
                continue;
            }

            Enter(root);
            while (calls.TryPeek(out var call))
            {
                if (call.Others.MoveNext())
                {
                    var (next, why) = call.Others.Current;
                    if ((why & reasons) == 0)
                    {
                        continue;
                    }

                    if (order[next] == 0)
                    {
                        Enter(next);
                    }
                    else if (component[next] < 0)
                    {
                        low[call.Node] = Math.Min(low[call.Node], order[next]);
                    }
                }
                else
                {
                    calls.Pop();
                    if (calls.TryPeek(out var caller))
                    {
                        low[caller.Node] = Math.Min(low[caller.Node], low[call.Node]);
                    }

                    for (var isLast = low[call.Node] != order[call.Node]; !isLast;)
                    {
                        var member = open.Pop();
                        component[member] = call.Node;
                        isLast = member == call.Node;
                    }
                }
            }
        }

        return component;

        void Enter(int node)
        {
            order[node] = low[node] = ++counter;
            open.Push(node);
            calls.Push((node, graph.After(node).GetEnumerator()));
        }
    }

    private static string NameOf(Dependencies graph, List<int> circle)
    {
        var reasons = Steps(graph, circle).ToList();
        var reads = reasons.Count(reason => reason == Reason.ReadWrite);
        var name = reads switch
        {
            0 when reasons.Contains(Reason.WriteRead) => "G1c",
            0 => "G0",
            1 => "G-single",
            _ => "G2",
        };
        return reasons.Contains(Reason.Time) ? $"{name}-realtime" : name;
    }

    /// <summary>Of each step the strongest reason.</summary>
    private static IEnumerable<Reason> Steps(Dependencies graph, List<int> circle)
        => circle.Select((from, i) =>
        {
            var why = graph.After(from)[circle[(i + 1) % circle.Count]];
            return (Reason)((byte)why & -(byte)why);
        });

    private static string Describe(Dependencies graph, List<int> circle)
        => "Each of these must stand before the next, and the last before the first: " + string.Join(
            "; ",
            circle.Zip(Steps(graph, circle)).Select((step, i) => $"T{i + 1} of process {graph.Transactions[step.First].Process} "
                + $"[{string.Join(", ", graph.Transactions[step.First].Steps ?? [])}] {Why(step.Second)}"));

    private static string Why(Reason reason) => reason switch
    {
        Reason.WriteWrite => "wrote what the next overwrote",
        Reason.WriteRead => "wrote what the next read",
        Reason.ReadWrite => "did not see what the next wrote",
        _ => "was answered before the next began",
    };
}
