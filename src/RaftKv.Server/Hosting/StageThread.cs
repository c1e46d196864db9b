using RaftKv.Server.Replica;

namespace RaftKv.Server.Hosting;

/// <summary>
/// Puts a thread under a stage. It sleeps while there is nothing to do; a stage that throws is not run again. A stage that
/// never waits may also be run by whoever rings for it, if that thread is lent (<see cref="LentThread"/>).
/// </summary>
/// <remarks>
/// One at a time runs the stage: whoever has taken the turn.
/// <code>
///            Ring: take the turn                 Ring
///   Idle ─────────────────────────> Running ─────────────> Rung
///    ^                                │  ^                   │
///    └────────(nothing more)──────────┘  └──(look again)─────┘
/// </code>
/// </remarks>
internal sealed class StageThread : IDoorbell, ILentWork, IDisposable
{
    private const int Idle = 0;
    private const int Running = 1;
    private const int Rung = 2;
    private const int Ended = 3;

    // How long the thread looks for more before it goes to sleep: waking it costs more than that.
    private const int SpinsBeforeSleep = 20;

    private readonly ManualResetEventSlim _turn = new(initialState: false, SpinsBeforeSleep);
    private readonly ManualResetEventSlim _ended = new(initialState: false);
    private readonly Action<string, Exception> _onFailure;
    private readonly bool _mayBeLent;
    private IStage? _stage;
    private Thread? _thread;
    private volatile bool _isStopping;

    // The turn is the thread's to begin with: what rings before the start is looked at then.
    private int _state = Running;

    // Whose turn it is, so that a stage that stops itself does not wait for itself.
    private Thread? _runner;

    /// <param name="onFailure">Told of what a stage threw, with the stage's name; on its thread.</param>
    /// <param name="mayBeLent">The stage never waits, neither for a disk nor for another thread.</param>
    public StageThread(Action<string, Exception> onFailure, bool mayBeLent)
    {
        _onFailure = onFailure;
        _mayBeLent = mayBeLent;
    }

    /// <summary>Whether nothing runs and nothing has rung.</summary>
    public bool IsIdle => Volatile.Read(ref _state) == Idle;

    ILentWork? ILentWork.NextLent { get; set; }

    public void Ring()
    {
        while (true)
        {
            switch (Volatile.Read(ref _state))
            {
                case Rung or Ended:
                    return;

                case Running when Interlocked.CompareExchange(ref _state, Rung, Running) == Running:
                    return;

                case Idle when Interlocked.CompareExchange(ref _state, Running, Idle) == Idle:
                    if (!_mayBeLent || !LentThread.TryTake(this))
                    {
                        _turn.Set();
                    }

                    return;
            }
        }
    }

    public void Start(IStage stage)
    {
        _stage = stage;
        _thread = new Thread(Run) { Name = $"raftkv {stage.Name}", IsBackground = true };
        _thread.Start();
        _turn.Set();
    }

    /// <summary>Lets the stage finish what it is doing, and ends the thread.</summary>
    public void Stop()
    {
        _isStopping = true;
        if (_thread is null || Volatile.Read(ref _runner) == Thread.CurrentThread)
        {
            return;
        }

        // Whoever has the turn looks again before giving it back, and sees that this is the end.
        while (Volatile.Read(ref _state) is var state && state != Ended)
        {
            if (state == Idle)
            {
                Interlocked.CompareExchange(ref _state, Ended, Idle);
            }
            else if (state == Rung || Interlocked.CompareExchange(ref _state, Rung, Running) == Running)
            {
                _ended.Wait();
            }
        }

        _turn.Set();
        _thread.Join();
    }

    public void Dispose()
    {
        Stop();
        _turn.Dispose();
        _ended.Dispose();
    }

    // A lent thread runs the stage once. Under load that never ends, so what has come in meanwhile is for the stage's own.
    void ILentWork.RunLent()
    {
        if (TryRun(out var isMore) && (isMore || !TryGiveBack()))
        {
            _turn.Set();
        }
    }

    private void Run()
    {
        while (true)
        {
            _turn.Wait();
            _turn.Reset();
            if (Volatile.Read(ref _state) == Ended)
            {
                return;
            }

            while (TryRun(out var isMore))
            {
                if (!isMore && TryGiveBack())
                {
                    break;
                }
            }
        }
    }

    // By whoever has the turn. False if there will be no other.
    private bool TryRun(out bool isMore)
    {
        isMore = false;

        // Whatever rings from here on, the end among them, is either seen by this run or asks for another one.
        Interlocked.Exchange(ref _state, Running);
        if (!_isStopping)
        {
            Volatile.Write(ref _runner, Thread.CurrentThread);
            try
            {
                // What it causes is done before it runs again. To a lent thread this loan changes nothing.
                using var loan = LentThread.Lend();
                isMore = _stage!.Run();
                return true;
            }
            catch (Exception broken)
            {
                _onFailure(_stage!.Name, broken);
            }
            finally
            {
                Volatile.Write(ref _runner, null);
            }
        }

        Volatile.Write(ref _state, Ended);
        _ended.Set();
        return false;
    }

    private bool TryGiveBack() => Interlocked.CompareExchange(ref _state, Idle, Running) == Running;
}
