using RaftKv.Server.Hosting;
using RaftKv.Server.Replica;

namespace RaftKv.Server.Tests.Hosting;

public sealed class StageThreadTests
{
    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;

    [Fact]
    public void A_lent_thread_runs_the_stage_it_has_rung_for()
    {
        var stage = new Probe();
        using var thread = Start(stage, mayBeLent: true);

        using (LentThread.Lend())
        {
            thread.Ring();
            Assert.Equal(0, stage.Runs);
        }

        Assert.Equal(1, stage.Runs);
        Assert.Same(Thread.CurrentThread, stage.RanOn);
    }

    [Fact]
    public async Task A_stage_that_may_not_be_lent_is_run_by_its_own_thread()
    {
        var stage = new Probe();
        using var thread = Start(stage, mayBeLent: false);
        var caller = Thread.CurrentThread;

        using (LentThread.Lend())
        {
            thread.Ring();
        }

        await stage.HasRun.Task.WaitAsync(Cancellation);
        Assert.NotSame(caller, stage.RanOn);
    }

    [Fact]
    public async Task What_rings_during_a_lent_run_is_left_to_the_stages_own_thread()
    {
        var stage = new Probe();
        using var thread = Start(stage, mayBeLent: true);
        var caller = Thread.CurrentThread;
        var again = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        stage.During = () =>
        {
            stage.During = () => again.SetResult();
            thread.Ring();
        };

        using (LentThread.Lend())
        {
            thread.Ring();
        }

        await again.Task.WaitAsync(Cancellation);
        Assert.Equal(2, stage.Runs);
        Assert.NotSame(caller, stage.RanOn);
    }

    [Fact]
    public void What_one_stage_causes_another_to_do_runs_on_the_same_lent_thread()
    {
        var first = new Probe();
        var second = new Probe();
        using var firstThread = Start(first, mayBeLent: true);
        using var secondThread = Start(second, mayBeLent: true);
        first.During = secondThread.Ring;

        using (LentThread.Lend())
        {
            firstThread.Ring();
        }

        Assert.Equal((1, 1), (first.Runs, second.Runs));
        Assert.Same(Thread.CurrentThread, second.RanOn);
    }

    [Fact]
    public async Task Stopping_waits_for_a_run_on_a_lent_thread()
    {
        var stage = new Probe();
        var thread = Start(stage, mayBeLent: true);
        var isInside = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var mayLeave = new ManualResetEventSlim();
        stage.During = () =>
        {
            isInside.SetResult();
            mayLeave.Wait(Cancellation);
        };

        var lent = Task.Run(() =>
        {
            using var loan = LentThread.Lend();
            thread.Ring();
        }, Cancellation);
        await isInside.Task.WaitAsync(Cancellation);
        var stop = Task.Run(thread.Stop, Cancellation);
        Assert.False(stop.IsCompleted);
        mayLeave.Set();
        await stop.WaitAsync(Cancellation);
        await lent.WaitAsync(Cancellation);

        thread.Ring();
        Assert.Equal(1, stage.Runs);
        thread.Dispose();
    }

    [Fact]
    public void A_stage_that_throws_is_told_of_and_not_run_again()
    {
        var told = "";
        var stage = new Probe();
        using var thread = new StageThread((name, problem) => told = $"{name}: {problem.Message}", mayBeLent: true);
        thread.Start(stage);
        stage.WaitUntilStarted(thread);
        stage.During = () => throw new InvalidOperationException("broken");

        using (LentThread.Lend())
        {
            thread.Ring();
        }

        Assert.Equal("probe: broken", told);
        using (LentThread.Lend())
        {
            thread.Ring();
        }

        Assert.Equal(1, stage.Runs);
    }

    [Fact]
    public async Task A_stage_may_stop_itself()
    {
        var stage = new Probe();
        var thread = Start(stage, mayBeLent: false);
        stage.During = thread.Stop;

        thread.Ring();
        await stage.HasRun.Task.WaitAsync(Cancellation);
        thread.Dispose();
        Assert.Equal(1, stage.Runs);
    }

    private static StageThread Start(Probe stage, bool mayBeLent)
    {
        var thread = new StageThread((_, problem) => throw problem, mayBeLent);
        thread.Start(stage);
        stage.WaitUntilStarted(thread);
        return thread;
    }

    private sealed class Probe : IStage
    {
        private readonly TaskCompletionSource _started = new();
        private bool _isStarted;

        public string Name => "probe";

        public Action During { get; set; } = static () => { };

        public int Runs { get; private set; }

        public Thread? RanOn { get; private set; }

        public TaskCompletionSource HasRun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        // The first run is the thread's own; when it can be lent, that one is over.
        public void WaitUntilStarted(StageThread thread)
        {
            SpinWait.SpinUntil(() => _started.Task.IsCompleted);
            while (!thread.IsIdle)
            {
                Thread.Yield();
            }
        }

        public bool Run()
        {
            if (!_isStarted)
            {
                _isStarted = true;
                _started.SetResult();
                return false;
            }

            Runs++;
            RanOn = Thread.CurrentThread;
            HasRun.TrySetResult();
            During();
            return false;
        }
    }
}
