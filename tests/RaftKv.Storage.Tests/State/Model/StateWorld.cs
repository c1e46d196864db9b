using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.Checkpoints;

namespace RaftKv.Storage.Tests.State.Model;

/// <summary>Plays a story: one log, the model, and two replicas that apply the log each in their own time.</summary>
internal static class StateWorld
{
    /// <param name="steps">The story.</param>
    /// <param name="seed">Of everything else: the disks, and where answers are awaited.</param>
    /// <param name="faults">None, but for tests of the tests.</param>
    /// <param name="isOnFaster">On the record store of a member, whose threads make no two runs quite alike.</param>
    public static StateTally Play(IReadOnlyList<StateStep> steps, ulong seed, StateFaults faults, bool isOnFaster = false)
    {
        var tally = new StateTally();
        var chance = new Chance(seed);
        var model = new NaiveState();
        var log = new List<LoggedRequest>();
        var hashes = new Dictionary<ulong, ulong>();
        StateReplica[] replicas =
        [
            new StateReplica(chance.Stream("replica", 0), log, hashes, tally, faults, isOnFaster),
            new StateReplica(chance.Stream("replica", 1), log, hashes, tally, faults, isOnFaster),
        ];
        try
        {
            foreach (var step in steps)
            {
                if (step is StateStep.Propose propose)
                {
                    var index = (ulong)log.Count + 1;
                    var payload = propose.Request.Encode(model.Now, index);
                    var answer = model.Apply(propose.Request);
                    log.Add(new LoggedRequest(
                        new Entry(1, index, EntryKind.Command, payload), propose.Request, answer, model.Now));
                }
                else
                {
                    var replica = ReplicaOf(step);
                    replicas[replica].Do(step, replicas[1 - replica]);
                }
            }

            foreach (var replica in replicas)
            {
                replica.Settle();
            }

            return tally;
        }
        finally
        {
            foreach (var replica in replicas)
            {
                replica.Dispose();
            }
        }
    }

    /// <summary>What went wrong; null if nothing did.</summary>
    public static Exception? WhatFails(IReadOnlyList<StateStep> steps, ulong seed, StateFaults faults)
    {
        try
        {
            Play(steps, seed, faults);
            return null;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            return failure;
        }
    }

    private static int ReplicaOf(StateStep step)
        => step switch
        {
            StateStep.Apply it => it.Replica,
            StateStep.CompactStep it => it.Replica,
            StateStep.BeginCheckpoint it => it.Replica,
            StateStep.WriteCheckpoint it => it.Replica,
            StateStep.FinishCheckpoint it => it.Replica,
            StateStep.Reclaim it => it.Replica,
            StateStep.Tidy it => it.Replica,
            StateStep.OpenView it => it.Replica,
            StateStep.LookAtView it => it.Replica,
            StateStep.Look it => it.Replica,
            StateStep.BeginSnapshot it => it.From,
            StateStep.SendSnapshot it => it.From,
            StateStep.InstallSnapshot it => it.On,
            StateStep.CrashLater it => it.Replica,
            StateStep.FailSync it => it.Replica,
            StateStep.Crash it => it.Replica,
            _ => throw new ArgumentException($"{step} is nobody's.", nameof(step)),
        };
}
