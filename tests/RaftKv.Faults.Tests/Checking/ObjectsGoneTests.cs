using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

public sealed class ObjectsGoneTests
{
    private readonly ObjectsGone _checker = new();

    [Fact]
    public void What_is_as_it_was_before_the_clients_came_passes()
        => _checker.Passes(Op.History().With(Line(isAfter: false, sockets: 12), Line(isAfter: true, sockets: 15)));

    [Fact]
    public void Nobody_knows_of_a_member_that_came_later()
        => _checker.Passes(Op.History().With(Line(isAfter: true, watchers: 3)));

    // A server that keeps the consumer of every connection there ever was.
    [Fact]
    public void Watches_that_outlive_their_clients_are_found()
        => _checker.Finds("left-behind", Op.History().With(Line(isAfter: false), Line(isAfter: true, watchers: 1)));

    [Fact]
    public void Streams_that_outlive_their_clients_are_found()
        => _checker.Finds("left-behind", Op.History().With(Line(isAfter: false), Line(isAfter: true, streams: 1)));

    [Fact]
    public void Sockets_that_outlive_their_clients_are_found()
        => _checker.Finds("left-behind", Op.History().With(Line(isAfter: false, sockets: 12), Line(isAfter: true, sockets: 80)));

    private static ObjectsLine Line(bool isAfter, long watchers = 0, long streams = 0, long sockets = 10)
        => new() { Member = "m1", At = isAfter ? 100 : 0, IsAfter = isAfter, Watchers = watchers, Streams = streams, Sockets = sockets };
}
