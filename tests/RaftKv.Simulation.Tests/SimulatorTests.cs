using RaftKv.Raft;

namespace RaftKv.Simulation.Tests;

public class SimulatorTests
{
    [Fact]
    public void Things_happen_in_the_order_of_their_times_and_then_of_their_scheduling()
    {
        var simulator = new Simulator();
        var actor = new Recorder(simulator);
        var chance = new Chance(1);
        for (var i = 0; i < 1000; i++)
        {
            simulator.Schedule(chance.Below(50), actor, what: 0, (ulong)i);
        }

        while (simulator.TryStep(until: 100))
        {
        }

        Assert.Equal(1000, actor.Happened.Count);
        Assert.Equal(actor.Happened.Order(), actor.Happened);
        Assert.Equal(100, simulator.Now);
    }

    [Fact]
    public void What_lies_after_the_end_does_not_happen()
    {
        var simulator = new Simulator();
        var actor = new Recorder(simulator);
        simulator.Schedule(11, actor, what: 0);
        Assert.False(simulator.TryStep(until: 10));
        Assert.Empty(actor.Happened);
    }

    private sealed class Recorder(Simulator simulator) : IActor
    {
        public List<(long At, ulong Number)> Happened { get; } = [];

        public void Happen(int what, ulong argument) => Happened.Add((simulator.Now, argument));
    }
}
