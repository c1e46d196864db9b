using System.Globalization;
using RaftKv.Client;
using RaftKv.Faults.Checking;

namespace RaftKv.Faults.Workloads;

/// <summary>Elements are added to a set, each as a key of its own, and the whole set is read.</summary>
internal sealed class SetWorkload : Workload
{
    private const int ElementsPerSet = 300;
    private long _next;

    public override string Name => "set";

    public override string Story => "elements are added to a set, and must stay";

    public override IReadOnlyList<IChecker> Checkers { get; } = [new SetElements(), new RevisionOrder()];

    public override Task StepAsync(ClientSession session, CancellationToken stop)
    {
        if (session.Chance.Next(4) == 0)
        {
            return ReadAsync(session, Interlocked.Read(ref _next) / ElementsPerSet);
        }

        var element = Interlocked.Increment(ref _next);
        var key = Prefix(element / ElementsPerSet);
        var value = element.ToString(CultureInfo.InvariantCulture);
        return session.WriteAsync(session.Asked("add", key) with { Value = value }, async operation =>
        {
            var put = await session.Client.PutAsync(key + value, value);
            return operation with { Revision = put.Revision, Wrote = true };
        });
    }

    public override async Task FinishAsync(ClientSession session)
    {
        for (var set = 0L; set <= Interlocked.Read(ref _next) / ElementsPerSet; set++)
        {
            await ReadAsync(session, set);
        }
    }

    private static string Prefix(long set) => string.Create(CultureInfo.InvariantCulture, $"set/{set}/");

    private static Task ReadAsync(ClientSession session, long set)
        => session.ReadAsync(session.Asked("elements", Prefix(set)), async operation =>
        {
            var range = await session.Client.RangeAsync(KeyRange.Prefix(Prefix(set)));
            return operation with { Elements = [.. range.KeyValues.Select(kv => kv.ValueText)], Revision = range.Header.Revision };
        });
}

/// <summary>Money is moved between accounts.</summary>
internal sealed class BankWorkload : Workload
{
    private const int Accounts = 6;
    private const int First = 100;

    public override string Name => "bank";

    public override string Story => "money is moved between accounts, and neither made nor lost";

    public override IReadOnlyList<IChecker> Checkers { get; } = [new Bank(), new SnapshotReads(), new RevisionOrder()];

    public override async Task PrepareAsync(ClientSession session)
    {
        await session.Client.CommitAsync(new Transaction().Then(
            [.. Enumerable.Range(0, Accounts).Select(account => Operation.Put(Key(account), First.ToString(CultureInfo.InvariantCulture)))]));
        await ReadAsync(session);
    }

    public override async Task StepAsync(ClientSession session, CancellationToken stop)
    {
        if (session.Chance.Next(2) == 0)
        {
            await ReadAsync(session);
            return;
        }

        var (from, to) = (session.Chance.Next(Accounts), session.Chance.Next(Accounts));
        if (from == to)
        {
            return;
        }

        await session.WriteAsync(session.Asked("transfer"), operation => TransferAsync(session, operation, Key(from), Key(to), session.Chance.Next(1, 20)));
    }

    public override Task FinishAsync(ClientSession session) => ReadAsync(session);

    private static async Task<Histories.Invocation> TransferAsync(ClientSession session, Histories.Invocation operation, string from, string to, int amount)
    {
        KeyValue payer, payee;
        try
        {
            var read = await session.Client.CommitAsync(new Transaction().Then(Operation.Get(from), Operation.Get(to)));
            (payer, payee) = (read.Results[0].Range!.KeyValues[0], read.Results[1].Range!.KeyValues[0]);
        }
        catch (RaftKvException failed)
        {
            return operation with { Outcome = Histories.Outcome.Fail, Error = failed.Message };
        }

        var left = Number(payer) - amount;
        if (left < 0)
        {
            return operation with { Outcome = Histories.Outcome.Fail, Error = "not enough money" };
        }

        var result = await session.Client.CommitAsync(new Transaction()
            .If(Condition.ModRevision(from).Is(payer.ModRevision), Condition.ModRevision(to).Is(payee.ModRevision))
            .Then(Operation.Put(from, Text(left)), Operation.Put(to, Text(Number(payee) + amount))));
        return result.Succeeded
            ? operation with
            {
                Revision = result.Header.Revision,
                Wrote = true,
                Steps =
                [
                    new Histories.TransactionStep { Kind = Histories.StepKind.Write, Key = from, Value = Text(left) },
                    new Histories.TransactionStep { Kind = Histories.StepKind.Write, Key = to, Value = Text(Number(payee) + amount) },
                ],
            }
            : operation with { Outcome = Histories.Outcome.Fail, Error = "somebody was faster" };
    }

    private static Task ReadAsync(ClientSession session)
    {
        var asked = session.Asked("accounts", "bank/");
        var isLocal = asked.Member is not null && session.Chance.Next(3) == 0;
        return session.ReadAsync(asked with { Local = isLocal }, async operation =>
        {
            var range = await session.Client.RangeAsync(KeyRange.Prefix("bank/"), new RangeOptions { IsSerializable = isLocal });

            // A member that is yet to hear of the accounts has nothing to say of them.
            return operation with { Entries = StatesOf(range), Revision = range.Header.Revision };
        });
    }

    private static string Key(int account) => string.Create(CultureInfo.InvariantCulture, $"bank/{account}");

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static long Number(KeyValue account) => long.Parse(account.ValueText, CultureInfo.InvariantCulture);
}

/// <summary>A queue of keys, in the order in which they were created.</summary>
internal sealed class QueueWorkload : Workload
{
    private const string Prefix = "queue/";
    private static readonly RangeOptions Oldest = new() { Limit = 1, OrderBy = RangeOrderBy.CreateRevision, Order = RangeOrder.Ascending };
    private long _next;

    public override string Name => "queue";

    public override string Story => "elements go into a queue and come out of it, each once and in order";

    public override IReadOnlyList<IChecker> Checkers { get; } = [new Queue(), new RevisionOrder()];

    public override async Task StepAsync(ClientSession session, CancellationToken stop)
    {
        if (session.Chance.Next(2) == 0)
        {
            await DequeueAsync(session);
            return;
        }

        var value = Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture);
        await session.WriteAsync(session.Asked(Queue.Enqueue) with { Value = value }, async operation =>
        {
            var put = await session.Client.PutAsync(Prefix + value, value);
            return operation with { Revision = put.Revision, Wrote = true };
        });
    }

    public override async Task FinishAsync(ClientSession session)
    {
        // Until it is found empty.
        for (var last = await DequeueAsync(session); last is not { IsOk: true, Value: null }; last = await DequeueAsync(session))
        {
            await Task.Delay(last.IsOk ? 0 : 50);
        }
    }

    private static Task<Histories.Invocation> DequeueAsync(ClientSession session)
        => session.WriteAsync(session.Asked(Queue.Dequeue), async operation =>
        {
            KeyValue first;
            try
            {
                var found = await session.Client.RangeAsync(KeyRange.Prefix(Prefix), Oldest);
                if (found.KeyValues.Count == 0)
                {
                    return operation with { Revision = found.Header.Revision };
                }

                first = found.KeyValues[0];
            }
            catch (RaftKvException failed)
            {
                return operation with { Outcome = Histories.Outcome.Fail, Error = failed.Message };
            }

            operation = operation with { Value = first.ValueText };
            try
            {
                var taken = await session.Client.CommitAsync(new Transaction()
                    .If(Condition.ModRevision(first.Key).Is(first.ModRevision))
                    .Then(Operation.Delete(first.Key)));
                return taken.Succeeded
                    ? operation with { Revision = taken.Header.Revision, Wrote = true }
                    : operation with { Outcome = Histories.Outcome.Fail, Error = "somebody was faster" };
            }
            catch (RaftKvException failed)
            {
                return operation with { Outcome = failed.IsOutcomeUnknown ? Histories.Outcome.Info : Histories.Outcome.Fail, Error = failed.Message };
            }
        });
}
