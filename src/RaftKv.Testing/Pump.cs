using RaftKv.Server.Hosting;
using RaftKv.Server.Replica;

namespace RaftKv.Testing;

/// <summary>
/// One thread for the stages of all members: whoever was rung for first runs first, so that what members do among
/// themselves comes in one order, and it can be told when they have come to rest.
/// </summary>
internal sealed class Pump : IBackground, IDisposable
{
    private readonly object _gate = new();
    private readonly Queue<Action> _work = [];
    private readonly SemaphoreSlim _waiting = new(0);
    private readonly Thread _thread;
    private bool _isBusy;
    private volatile bool _isStopping;
    private long _activity;

    public Pump()
    {
        _thread = new Thread(Go) { Name = "raftkv test cluster", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Grows with everything there is to do.</summary>
    public long Activity => Interlocked.Read(ref _activity);

    public void Run(Action work)
    {
        lock (_gate)
        {
            _activity++;
            _work.Enqueue(work);
        }

        _waiting.Release();
    }

    public IStageRunner NewRunner(Action<string, Exception> onFailure) => new Runner(this, onFailure);

    /// <summary>Waits until there is nothing to do, if only for a moment.</summary>
    public void WaitUntilIdle()
    {
        lock (_gate)
        {
            while (_isBusy || _work.Count > 0)
            {
                Monitor.Wait(_gate);
            }
        }
    }

    public void Dispose()
    {
        _isStopping = true;
        _waiting.Release();
        _thread.Join();
        _waiting.Dispose();
    }

    private void Go()
    {
        while (true)
        {
            _waiting.Wait();
            if (_isStopping)
            {
                return;
            }

            Action work;
            lock (_gate)
            {
                work = _work.Dequeue();
                _isBusy = true;
            }

            work();
            lock (_gate)
            {
                _isBusy = false;
                if (_work.Count == 0)
                {
                    Monitor.PulseAll(_gate);
                }
            }
        }
    }

    /// <summary>A stage that takes turns on the pump.</summary>
    private sealed class Runner(Pump pump, Action<string, Exception> onFailure) : IStageRunner
    {
        private readonly Lock _running = new();
        private volatile IStage? _stage;
        private bool _isStopped;
        private int _isQueued;

        public void Ring()
        {
            if (_stage is not null && Interlocked.Exchange(ref _isQueued, 1) == 0)
            {
                pump.Run(Turn);
            }
        }

        public void Start(IStage stage)
        {
            _stage = stage;
            Ring();
        }

        public void Stop()
        {
            lock (_running)
            {
                _isStopped = true;
            }
        }

        public void Dispose() => Stop();

        private void Turn()
        {
            // Whatever rings from here on is either seen by this turn, or asks for the next one.
            Interlocked.Exchange(ref _isQueued, 0);
            lock (_running)
            {
                if (_isStopped)
                {
                    return;
                }

                try
                {
                    if (_stage!.Run())
                    {
                        Ring();
                    }
                }
                catch (Exception broken)
                {
                    _isStopped = true;
                    onFailure(_stage!.Name, broken);
                }
            }
        }
    }
}
