using System.Globalization;
using RaftKv.Client.Calls;

namespace RaftKv.Client.Tests.Life;

/// <summary>Swaps through a connection that breaks now and then before an answer. What is answered must be what happened.</summary>
public sealed class DrawnLossTests
{
    private const int Swaps = 40;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<int, bool> Drawn => new() { { 1, true }, { 2, true }, { 3, true }, { 1, false }, { 2, false }, { 3, false } };

    [Theory]
    [MemberData(nameof(Drawn))]
    public async Task A_swap_says_what_it_did_or_that_it_does_not_know(int seed, bool namesWrites)
        => Assert.Null(await WhatIsWrongAsync(seed, namesWrites, ClientFaults.None));

    /// <summary>Tests the test: M14.</summary>
    [Fact]
    public async Task A_client_that_makes_a_transaction_again_without_a_name_is_noticed_within_3_seeds()
    {
        for (var seed = 1; seed <= 3; seed++)
        {
            if (await WhatIsWrongAsync(seed, namesWrites: false, new ClientFaults { RepeatsOnUnavailable = true }) is { } wrong)
            {
                TestContext.Current.SendDiagnosticMessage($"RepeatsOnUnavailable: seed {seed}: {wrong}");
                return;
            }
        }

        Assert.Fail("Nobody noticed.");
    }

    private static async Task<string?> WhatIsWrongAsync(int seed, bool namesWrites, ClientFaults faults)
    {
        var chance = new Random(seed);
        await using var node = await TestNode.StartAsync(listens: true);
        await using var link = new LinkProxy(node.Node.ClientEndPoints[0]);
        await using var client = RaftKvClient.Connect(new RaftKvClientOptions
        {
            Endpoints = [link.Address],
            Timeout = TimeSpan.FromSeconds(60),
            RepeatsWrites = namesWrites,
            Faults = faults,
        });
        var (key, count) = ("k", 0L);
        for (var i = 0; i < Swaps; i++)
        {
            // On a connection that is up, so that what is lost is the answer to the swap.
            await client.GetAsync(key, cancellation: Stop);
            if (chance.Next(4) == 0)
            {
                link.SwallowAnswers(1);
            }

            bool told;
            try
            {
                told = await SwapAsync(client, key, count, $"{i}");
            }
            catch (OutcomeUnknownException) when (!namesWrites)
            {
                // It may yet be done: then to a key that nobody looks at any more.
                (key, count) = ($"k{i}", 0);
                continue;
            }

            var now = (await node.Client.GetAsync(key, cancellation: Stop))?.Version ?? 0;
            if (now != count + (told ? 1 : 0))
            {
                return string.Create(CultureInfo.InvariantCulture, $"swap {i} was said {(told ? "" : "not ")}to have been done, and was done {now - count} times");
            }

            count = now;
        }

        return null;
    }

    private static async Task<bool> SwapAsync(RaftKvClient client, string key, long version, string value)
        => (await client.CommitAsync(new Transaction().If(Condition.Version(key).Is(version)).Then(Operation.Put(key, value)), cancellation: Stop)).Succeeded;
}
