using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Raft;
using RaftKv.Server.Housekeeping;
using RaftKv.Server.Replica;
using RaftKv.Server.Tests.Api;
using RaftKv.Server.Tests.Peers;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Server.Tests.Housekeeping;

public sealed class AutoCompactorTests : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(5);

    private readonly ManualTime _time = new();
    private readonly LoneMember _member;

    public AutoCompactorTests() => _member = new LoneMember(_time);

    [Fact]
    public async Task Leaders_drop_history_and_others_only_watch()
    {
        Put(10);
        _member.Status = _member.Status with { Leader = new NodeId(77) };
        using var compactor = new AutoCompactor(_member, AutoCompaction.Behind(4), _time, NullLogger.Instance);
        _time.Advance(10 * Interval);
        Assert.Equal(-1, _member.Keys.PublishedCompacted);

        _member.Status = _member.Status with { Leader = LoneMember.Id };
        await TestMember.AdvancesUntil(_time, () => _member.Keys.PublishedCompacted == _member.Keys.PublishedRevision - 4);
    }

    [Fact]
    public async Task It_is_done_in_the_name_of_nobody_even_where_everybody_must_be_somebody()
    {
        Put(10);
        _member.Propose(new UserAddCommand(Caller.Nobody, "root", default, HasNoPassword: true));
        _member.Propose(new RoleAddCommand(Caller.Nobody, "root"));
        _member.Propose(new UserGrantRoleCommand(Caller.Nobody, "root", "root"));
        Assert.Equal(StateError.None, _member.Propose(new AuthEnableCommand()).Error);
        using var compactor = new AutoCompactor(_member, AutoCompaction.Behind(4), _time, NullLogger.Instance);

        await TestMember.AdvancesUntil(_time, () => _member.Keys.PublishedCompacted > 0);
    }

    [Fact]
    public async Task What_is_refused_is_tried_again()
    {
        Put(10);
        _member.Refusal = RequestRefusal.NoLeader;
        using var compactor = new AutoCompactor(_member, AutoCompaction.Behind(4), _time, NullLogger.Instance);
        _time.Advance(Interval);
        _member.Refusal = null;

        await TestMember.AdvancesUntil(_time, () => _member.Keys.PublishedCompacted > 0);
    }

    public void Dispose() => _member.Dispose();

    private void Put(int count)
    {
        for (var i = 0; i < count; i++)
        {
            _member.Put($"k{i}", "v");
        }
    }
}
