using RaftKv.Faults.Checking.Rights;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

public sealed class RightsTests
{
    private const string Scope = "s/0/";

    private static readonly Invocation[] Allowed =
    [
        Change(RightFacts.Allow, RightFacts.User, 0, 10),
        Change(RightFacts.Allow, RightFacts.Role("r"), 10, 20),
        Change(RightFacts.Allow, RightFacts.Permission("r", Scope), 20, 30),
        Change(RightFacts.Forbid, RightFacts.Open, 30, 40),
        Refused(50, 60),
    ];

    private readonly OnlyWhatIsAllowed _checker = new();

    [Fact]
    public void What_the_user_may_read_passes() => _checker.Passes([.. Allowed, Shown(100, 110, "s/0/1")]);

    [Fact]
    public void What_needs_no_rights_passes() => _checker.Passes([.. Allowed, Shown(100, 110, "own/1", about: "own/1")]);

    [Fact]
    public void What_the_user_may_not_read_is_found() => _checker.Finds("leak", [.. Allowed, Shown(100, 110, "s/1/1")]);

    [Fact]
    public void A_value_of_another_key_is_found()
        => _checker.Finds("leak", [.. Allowed, Shown(100, 110, "s/0/1") with { Entries = [new KeyState { Key = "s/0/1", Value = "s/1/2#7" }] }]);

    // Each takes the right away by itself.
    [Theory]
    [InlineData("user")]
    [InlineData("role/r")]
    [InlineData("permission/r/s/0/")]
    public void What_was_allowed_no_more_when_it_was_asked_for_is_found(string fact)
    {
        _checker.Finds("leak", [.. Allowed, Change(RightFacts.Forbid, fact, 60, 70), Shown(71, 80, "s/0/1")]);
        _checker.Passes([.. Allowed, Change(RightFacts.Forbid, fact, 60, 70), Shown(70, 80, "s/0/1")]);
        _checker.Passes([.. Allowed, Change(RightFacts.Forbid, fact, 60, 70).Lost(), Shown(71, 80, "s/0/1")]);
        _checker.Passes([.. Allowed, Change(RightFacts.Forbid, fact, 60, 70).Failed(), Shown(71, 80, "s/0/1")]);
    }

    [Fact]
    public void What_is_allowed_while_a_call_is_under_way_passes()
    {
        Invocation[] history = [.. Allowed, Change(RightFacts.Forbid, RightFacts.Role("r"), 60, 70), Change(RightFacts.Allow, RightFacts.Role("r"), 90, 100)];

        _checker.Passes([.. history, Shown(75, 95, "s/0/1")]);
        _checker.Finds("leak", [.. history, Shown(75, 89, "s/0/1")]);
    }

    // The user is new, and has no roles.
    [Fact]
    public void What_a_user_was_allowed_who_was_deleted_is_found()
        => _checker.Finds("leak", [.. Allowed, Change(RightFacts.Forbid, RightFacts.User, 60, 70), Change(RightFacts.Allow, RightFacts.User, 80, 90), Shown(100, 110, "s/0/1")]);

    [Fact]
    public void An_answer_that_shows_no_key_is_found_too()
        => _checker.Finds("answered-without-right", [.. Allowed, Shown(100, 110, shown: null, about: "s/1/1")]);

    [Fact]
    public void What_is_about_all_keys_needs_authentication_to_be_off()
    {
        Invocation[] history = [.. Allowed, Change(RightFacts.Allow, RightFacts.Open, 60, 70), Change(RightFacts.Forbid, RightFacts.Open, 80, 90)];

        _checker.Passes([.. history, Shown(65, 70, "s/1/1", about: "s/")]);
        _checker.Finds("answered-without-right", [.. history, Shown(91, 100, shown: null, about: "s/")]);
    }

    [Fact]
    public void What_a_lost_change_may_still_allow_passes_for_a_while()
    {
        var lost = Change(RightFacts.Allow, RightFacts.Permission("r", "s/1/"), 60, 70).Lost();
        var revoked = Change(RightFacts.Forbid, RightFacts.Permission("r", "s/1/"), 80, 90);
        var late = 70 + PossibleTimes.LongestUnderWay;

        _checker.Passes([.. Allowed, lost, revoked, Shown(late, late + 10, "s/1/1")]);
        _checker.Finds("leak", [.. Allowed, lost, revoked, Shown(late + 1, late + 10, "s/1/1")]);
    }

    [Fact]
    public void A_history_in_which_nothing_was_refused_says_nothing()
        => _checker.CannotTell(Op.History([.. Allowed.Take(4), Shown(100, 110, "s/0/1")]));

    [Theory]
    [InlineData("s/3/17", "s/3/")]
    [InlineData("s/3/", "s/3/")]
    [InlineData("s/", "s/")]
    [InlineData("s/3", "s/")]
    [InlineData("own/1", null)]
    public void A_key_belongs_to_a_scope(string key, string? scope) => Assert.Equal(scope, RightFacts.ScopeOf(key));

    private static Invocation Change(string call, string fact, long begin, long end) => Op.Of(0, call, begin, end) with { Key = fact };

    private static Invocation Shown(long begin, long end, string? shown, string about = Scope)
        => Op.Of(1, RightFacts.Probe, begin, end) with { Key = about, Value = "range", Entries = shown is null ? [] : [new KeyState { Key = shown, Value = $"{shown}#1" }] };

    private static Invocation Refused(long begin, long end) => Shown(begin, end, null, "s/1/").Failed();
}
