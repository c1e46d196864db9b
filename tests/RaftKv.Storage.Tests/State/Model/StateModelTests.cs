using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Tests.State.Model;

/// <summary>Random stories of two replicas, on disks that lose power, beside a model that keeps everything for ever.</summary>
public sealed class StateModelTests
{
    private const int Length = 400;

    public static TheoryData<ulong> Stories => Seeds.Some(60);

    public static TheoryData<ulong> FewStories => Seeds.Some(6);

    [Theory]
    [MemberData(nameof(Stories))]
    public void Two_replicas_do_what_the_model_says_whatever_happens_to_their_disks(ulong seed)
    {
        var steps = StateStories.Draw(seed, Length);
        if (StateWorld.WhatFails(steps, seed, StateFaults.None) is { } failure)
        {
            var fewer = StoryShrinker.Shrink(steps, story => StateWorld.WhatFails(story, seed, StateFaults.None));
            var last = StateWorld.WhatFails(fewer, seed, StateFaults.None) ?? failure;
            Assert.Fail($"seed {seed}: {last}\n{StoryShrinker.Describe(fewer)}");
        }
    }

    [Theory]
    [MemberData(nameof(FewStories))]
    public void So_they_do_on_the_record_store_of_a_member(ulong seed)
        => StateWorld.Play(StateStories.Draw(seed, Length), seed, StateFaults.None, isOnFaster: true);

    [Fact]
    public void The_stories_are_about_what_they_should_be_about()
    {
        var tallies = Enumerable.Range(1, 30)
            .Select(seed => StateWorld.Play(StateStories.Draw((ulong)seed, Length), (ulong)seed, StateFaults.None)).ToList();
        foreach (var property in typeof(StateTally).GetProperties())
        {
            var counts = tallies.Select(tally => Convert.ToInt64(property.GetValue(tally), System.Globalization.CultureInfo.InvariantCulture)).ToList();
            TestContext.Current.SendDiagnosticMessage($"{property.Name}: {counts.Sum()}");
            Assert.True(counts.Count(count => count > 0) >= 3, $"{property.Name}: {string.Join(' ', counts)}");
        }
    }

    public static TheoryData<string, int> Mistakes => new()
    {
        { nameof(StateFaults.ClaimsBeforeData), 20 },
        { nameof(StateFaults.SkipsDirectorySync), 100 },
        { nameof(StateFaults.ReleasesTooEarly), 100 },
        { nameof(KeySpaceFaults.DropsTombstonesAtHorizon), 20 },
        { nameof(KeySpaceFaults.CompactsOneTooFar), 20 },
        { nameof(KeySpaceFaults.ForgetsPins), 100 },
        { nameof(KeySpaceFaults.ForgetsCompactionAtRestart), 20 },
        { nameof(KeySpaceFaults.RestoresOldLeases), 20 },
    };

    /// <summary>Tests the tests.</summary>
    [Theory]
    [MemberData(nameof(Mistakes))]
    public void Each_mistake_is_noticed_within_so_many_seeds(string mistake, int seeds)
    {
        var faults = FaultsWith(mistake);
        for (var seed = 1ul; seed <= (ulong)seeds; seed++)
        {
            if (StateWorld.WhatFails(StateStories.Draw(seed, Length), seed, faults) is { } noticed)
            {
                TestContext.Current.SendDiagnosticMessage($"{mistake}: seed {seed}: {noticed.Message.Split('\n')[0]}");
                return;
            }
        }

        Assert.Fail($"Nobody noticed {mistake}.");
    }

    [Fact]
    public void A_story_that_fails_becomes_small_enough_to_be_read()
    {
        var faults = FaultsWith(nameof(KeySpaceFaults.DropsTombstonesAtHorizon));
        var seed = 1ul;
        while (StateWorld.WhatFails(StateStories.Draw(seed, Length), seed, faults) is null)
        {
            seed++;
        }

        var fewer = StoryShrinker.Shrink(
            StateStories.Draw(seed, Length), story => StateWorld.WhatFails(story, seed, faults));
        Assert.True(fewer.Count <= 12, StoryShrinker.Describe(fewer));
    }

    private static StateFaults FaultsWith(string mistake)
    {
        var faults = new StateFaults();
        if (typeof(StateFaults).GetProperty(mistake) is { } ofState)
        {
            ofState.SetValue(faults, true);
            return faults;
        }

        var keys = new KeySpaceFaults();
        typeof(KeySpaceFaults).GetProperty(mistake)!.SetValue(keys, true);
        return faults with { Keys = keys };
    }
}
