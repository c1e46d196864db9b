using RaftKv.Server.Replica;

namespace RaftKv.Server.Hosting;

/// <summary>Puts a thread under a stage. It sleeps while there is nothing to do; a stage that throws is not run again.</summary>
internal sealed class StageThread : IStageRunner
{
    // How long the thread looks for more before it goes to sleep: waking it costs more than that.
    private const int SpinsBeforeSleep = 20;

    private readonly ManualResetEventSlim _rung = new(initialState: false, SpinsBeforeSleep);
    private readonly Action<string, Exception> _onFailure;
    private IStage? _stage;
    private Thread? _thread;
    private volatile bool _isStopping;

    /// <param name="onFailure">Told of what a stage threw, with the stage's name; on its thread.</param>
    public StageThread(Action<string, Exception> onFailure) => _onFailure = onFailure;

    public void Ring() => _rung.Set();

    public void Start(IStage stage)
    {
        _stage = stage;
        _thread = new Thread(Run) { Name = $"raftkv {stage.Name}", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Lets the stage finish what it is doing, and ends the thread.</summary>
    public void Stop()
    {
        _isStopping = true;
        _rung.Set();
        if (_thread != Thread.CurrentThread)
        {
            _thread?.Join();
        }
    }

    public void Dispose()
    {
        Stop();
        _rung.Dispose();
    }

    private void Run()
    {
        try
        {
            while (!_isStopping)
            {
                // Whatever rings from here on is either seen by this run, or wakes the next one.
                _rung.Reset();
                if (!_stage!.Run())
                {
                    _rung.Wait();
                }
            }
        }
        catch (Exception broken)
        {
            _onFailure(_stage!.Name, broken);
        }
    }
}
