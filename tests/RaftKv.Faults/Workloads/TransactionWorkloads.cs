using System.Globalization;
using RaftKv.Client;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Checking.Transactions;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Workloads;

/// <summary>Keys of transactions: a few at a time, left behind after some writes, so that lists stay short.</summary>
internal sealed class RotatingKeys(string prefix, int atATime, int writesPerKey)
{
    private readonly Lock _gate = new();
    private readonly int[] _writes = new int[atATime];
    private readonly int[] _keys = [.. Enumerable.Range(0, atATime)];
    private int _next = atATime;

    public IReadOnlyList<string> Now
    {
        get
        {
            lock (_gate)
            {
                return [.. _keys.Select(key => $"{prefix}{key}")];
            }
        }
    }

    public string Draw(Random chance, bool isWrite)
    {
        lock (_gate)
        {
            var slot = chance.Next(_keys.Length);
            if (isWrite && ++_writes[slot] > writesPerKey)
            {
                (_writes[slot], _keys[slot]) = (0, _next++);
            }

            return $"{prefix}{_keys[slot]}";
        }
    }
}

/// <summary>
/// Transactions that read lists and append to them. A store of plain keys does that in two steps: what is to be appended to
/// is read, and then written as a whole if nobody has changed it meanwhile.
/// </summary>
internal sealed class ListAppendWorkload : Workload
{
    private readonly RotatingKeys _keys = new("l/", 3, 60);
    private long _next;

    public override string Name => "list-append";

    public override string Story => "transactions of one to four reads and appends on lists";

    public override IReadOnlyList<IChecker> Checkers { get; } = [new Lists(), new RevisionOrder()];

    public override async Task StepAsync(ClientSession session, CancellationToken stop)
    {
        var steps = Enumerable.Range(0, session.Chance.Next(1, 5)).Select(_ => Draw(session.Chance)).ToList();
        if (steps.TrueForAll(step => step.Kind == StepKind.Read))
        {
            await ReadAsync(session, steps);
        }
        else
        {
            await AppendAsync(session, steps);
        }
    }

    public override Task FinishAsync(ClientSession session)
        => ReadAsync(session, [.. _keys.Now.Select(key => new TransactionStep { Kind = StepKind.Read, Key = key })]);

    private static Task ReadAsync(ClientSession session, List<TransactionStep> steps)
        => session.ReadAsync(session.Asked("txn") with { Steps = steps }, async operation =>
        {
            var result = await session.Client.CommitAsync(new Transaction().Then([.. steps.Select(step => Operation.Get(step.Key))]));
            return operation with
            {
                Revision = result.Header.Revision,
                Steps = [.. steps.Zip(result.Results, (step, found) => step with { List = ListOf(found.Range!) })],
            };
        });

    private static async Task AppendAsync(ClientSession session, List<TransactionStep> steps)
    {
        var keys = steps.Select(step => step.Key).Distinct().ToList();
        await session.WriteAsync(session.Asked("txn") with { Steps = steps }, async operation =>
        {
            Dictionary<string, (long Revision, List<string> List)> before;
            try
            {
                var read = await session.Client.CommitAsync(new Transaction().Then([.. keys.Select(key => Operation.Get(key))]));
                before = keys.Zip(read.Results).ToDictionary(
                    pair => pair.First, pair => (pair.Second.Range!.KeyValues.Count > 0 ? pair.Second.Range.KeyValues[0].ModRevision : 0, ListOf(pair.Second.Range)));
            }
            catch (RaftKvException failed)
            {
                // Nothing was written yet.
                return operation with { Outcome = Outcome.Fail, Error = failed.Message };
            }

            var after = before.ToDictionary(key => key.Key, key => key.Value.List.ToList());
            var done = steps.Select(step => Carry(step, after)).ToList();
            var written = steps.Where(step => step.Kind == StepKind.Append).Select(step => step.Key).Distinct();
            var result = await session.Client.CommitAsync(new Transaction()
                .If([.. before.Select(key => Condition.ModRevision(key.Key).Is(key.Value.Revision))])
                .Then([.. written.Select(key => Operation.Put(key, string.Join(' ', after[key])))]));
            return result.Succeeded
                ? operation with { Revision = result.Header.Revision, Wrote = true, Steps = done }
                : operation with { Outcome = Outcome.Fail, Error = "somebody was faster" };
        });
    }

    private static TransactionStep Carry(TransactionStep step, Dictionary<string, List<string>> lists)
    {
        if (step.Kind == StepKind.Append)
        {
            lists[step.Key].Add(step.Value!);
            return step;
        }

        return step with { List = [.. lists[step.Key]] };
    }

    private static List<string> ListOf(RangeResult range)
        => range.KeyValues.Count == 0 ? [] : [.. range.KeyValues[0].ValueText.Split(' ')];

    private TransactionStep Draw(Random chance)
    {
        var isAppend = chance.Next(2) == 0;
        return new()
        {
            Kind = isAppend ? StepKind.Append : StepKind.Read,
            Key = _keys.Draw(chance, isAppend),
            Value = isAppend ? Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture) : null,
        };
    }
}

/// <summary>Transactions that read and write registers: each is one transaction of the store, without a condition.</summary>
internal sealed class RegisterTransactionWorkload : Workload
{
    private readonly RotatingKeys _keys = new("w/", 3, 200);
    private long _next;

    public override string Name => "rw-register";

    public override string Story => "transactions of one to four reads and writes on registers";

    public override IReadOnlyList<IChecker> Checkers { get; } = [new Registers(), new RevisionOrder()];

    public override Task StepAsync(ClientSession session, CancellationToken stop)
    {
        // The store takes one write of a key in a transaction.
        var steps = Enumerable.Range(0, session.Chance.Next(1, 5)).Select(_ => Draw(session.Chance)).ToList();
        var written = new HashSet<string>();
        steps.RemoveAll(step => step.Kind == StepKind.Write && !written.Add(step.Key));
        return RunAsync(session, steps);
    }

    public override Task FinishAsync(ClientSession session)
        => RunAsync(session, [.. _keys.Now.Select(key => new TransactionStep { Kind = StepKind.Read, Key = key })]);

    private static async Task RunAsync(ClientSession session, List<TransactionStep> steps)
    {
        var writes = steps.Exists(step => step.Kind == StepKind.Write);
        var asked = session.Asked("txn") with { Steps = steps };
        async Task<Invocation> CommitAsync(Invocation operation)
        {
            var result = await session.Client.CommitAsync(new Transaction().Then(
                [.. steps.Select(step => step.Kind == StepKind.Write ? Operation.Put(step.Key, step.Value!) : Operation.Get(step.Key))]));
            return operation with
            {
                Revision = result.Header.Revision,
                Wrote = writes,
                Steps = [.. steps.Zip(result.Results, Answered)],
            };
        }

        await (writes ? session.WriteAsync(asked, CommitAsync) : session.ReadAsync(asked, CommitAsync));
    }

    private static TransactionStep Answered(TransactionStep step, OperationResult result)
    {
        if (step.Kind == StepKind.Write)
        {
            return step;
        }

        var found = result.Range!.KeyValues.Count > 0 ? result.Range.KeyValues[0] : null;
        return step with { Value = found?.ValueText, Revision = found?.ModRevision };
    }

    private TransactionStep Draw(Random chance)
    {
        var isWrite = chance.Next(2) == 0;
        return new()
        {
            Kind = isWrite ? StepKind.Write : StepKind.Read,
            Key = _keys.Draw(chance, isWrite),
            Value = isWrite ? Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture) : null,
        };
    }
}
