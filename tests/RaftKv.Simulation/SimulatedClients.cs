using RaftKv.Raft;
using RaftKv.Simulation.History;
using RaftKv.Simulation.Members;

namespace RaftKv.Simulation;

/// <summary>What the clients do, and how patient they are.</summary>
internal sealed record Workload
{
    public int Clients { get; init; } = 3;

    public int Keys { get; init; } = 3;

    /// <summary>All clients together stop after so many operations.</summary>
    public int Operations { get; init; } = 120;

    public long ThinkNanosMax { get; init; } = 20 * Simulator.Millisecond;

    public long DelayNanosMax { get; init; } = 500 * Simulator.Microsecond;

    /// <summary>Of requests, and of answers: lost.</summary>
    public Ratio Loss { get; init; } = Ratio.Never;

    public long TimeoutNanos { get; init; } = 200 * Simulator.Millisecond;

    /// <summary>How often an operation is attempted before nobody knows what has become of it.</summary>
    public int AttemptsMax { get; init; } = 3;

    public Ratio Reads { get; init; } = new(1, 3);

    public Ratio Swaps { get; init; } = new(1, 3);

    /// <summary>Of requests: to a member chosen by chance, rather than to the one that answered last.</summary>
    public Ratio Wandering { get; init; } = new(1, 5);
}

/// <summary>
/// One client: an operation at a time, each attempted at one member after another. A refusal is definite for the attempt; a
/// silence says nothing, and an operation with a silent attempt is of unknown outcome for ever.
/// </summary>
internal sealed class SimulatedClient : IActor, IProbe
{
    private const int Call = 0;
    private const int RequestArrives = 1;
    private const int ResponseArrives = 2;
    private const int TimeoutDue = 3;
    private const int AttemptAgain = 4;

    private readonly Cluster _cluster;
    private readonly Chance _chance;
    private readonly Workload _workload;
    private readonly int _client;
    private readonly List<(NodeId Target, Request Request)> _attempts = [];
    private readonly List<Response> _responses = [];

    private Operation? _current;
    private uint _number;
    private int _attemptsLeft;
    private bool _isSilent;
    private bool _isStopped;
    private NodeId _target;
    private ulong _lastSeen;

    public SimulatedClient(Cluster cluster, Chance chance, Workload workload, int client)
    {
        _cluster = cluster;
        _chance = chance;
        _workload = workload;
        _client = client;
    }

    /// <summary>Called whenever an operation has come to an end, one way or another.</summary>
    public Func<bool>? WantsMore { get; set; }

    public int SucceededCount { get; private set; }

    public void Start() => _cluster.Simulator.Schedule(
        _cluster.Simulator.Now + _chance.Between(1, _workload.ThinkNanosMax), this, Call);

    public void Take(in Response response)
    {
        if (_chance.Happens(_workload.Loss))
        {
            return;
        }

        _responses.Add(response);
        Schedule(_chance.Between(1, _workload.DelayNanosMax), ResponseArrives, (ulong)_responses.Count - 1);
    }

    public void Happen(int what, ulong argument)
    {
        switch (what)
        {
            case Call:
                if (_current is null && !_isStopped && WantsMore?.Invoke() != false)
                {
                    Begin();
                }

                break;
            case RequestArrives:
                var (target, request) = _attempts[(int)argument];
                _cluster.Find(target)?.Submit(request);
                break;
            case ResponseArrives:
                OnResponse(_responses[(int)argument]);
                break;
            case TimeoutDue when IsCurrent((int)argument):
                _isSilent = true;
                TryAgainOrGiveUp();
                break;
            case AttemptAgain when IsCurrent((int)argument):
                Attempt();
                break;
        }
    }

    // The newest attempt of an operation that is still under way.
    private bool IsCurrent(int attempt) => _current is not null && attempt == _attempts.Count - 1;

    private void Begin()
    {
        var kind = _chance.Happens(_workload.Reads) ? OperationKind.Read
            : _chance.Happens(_workload.Swaps) ? OperationKind.Swap
            : OperationKind.Write;
        _current = new Operation
        {
            Client = _client,
            Number = ++_number,
            Kind = kind,
            Key = (byte)_chance.Below(_workload.Keys),
            Value = kind == OperationKind.Read ? 0 : ((ulong)(_client + 1) << 32) | _number,
            Expected = kind == OperationKind.Swap ? _lastSeen : 0,
            CalledAt = _cluster.Simulator.Now,
        };
        _attemptsLeft = _workload.AttemptsMax;
        _isSilent = false;
        Attempt();
    }

    private void Attempt()
    {
        _attemptsLeft--;
        if (_target.IsNone || _chance.Happens(_workload.Wandering))
        {
            _target = _cluster.SomeMember(_chance);
        }

        var operation = _current!;
        var attempt = _attempts.Count;
        _attempts.Add((_target, new Request(
            _client, operation.Number, attempt, operation.Kind, operation.Key, operation.Value, operation.Expected)));
        if (!_chance.Happens(_workload.Loss))
        {
            Schedule(_chance.Between(1, _workload.DelayNanosMax), RequestArrives, (ulong)attempt);
        }

        Schedule(_workload.TimeoutNanos, TimeoutDue, (ulong)attempt);
    }

    private void OnResponse(in Response response)
    {
        if (_current is not { } operation || response.Number != operation.Number)
        {
            return; // Too late: the client has gone on.
        }

        if (response.IsRefused)
        {
            if (IsCurrent(response.Attempt))
            {
                TryAgainOrGiveUp();
            }

            return;
        }

        operation.ReturnedAt = _cluster.Simulator.Now;
        operation.Result = response.Result;
        _lastSeen = operation.Kind == OperationKind.Write || (operation.Kind == OperationKind.Swap && response.Result.IsDone)
            ? operation.Value
            : response.Result.Value;
        _target = _attempts[response.Attempt].Target;
        SucceededCount++;
        End(isRecorded: true);
    }

    private void TryAgainOrGiveUp()
    {
        _target = NodeId.None;
        if (_attemptsLeft > 0)
        {
            // The attempt is over: a place is taken for the next, so that an event for this one is recognised as late.
            Schedule(_chance.Between(1, 20 * Simulator.Millisecond), AttemptAgain, (ulong)_attempts.Count - 1);
            return;
        }

        End(isRecorded: _isSilent);
    }

    private void End(bool isRecorded)
    {
        if (isRecorded)
        {
            _cluster.History.Add(_current!);
        }

        _current = null;
        Schedule(_chance.Between(1, _workload.ThinkNanosMax), Call, 0);
    }

    /// <summary>What is still under way when the run ends is of unknown outcome.</summary>
    public void Stop()
    {
        _isStopped = true;
        if (_current is not null)
        {
            _cluster.History.Add(_current);
            _current = null;
        }
    }

    private void Schedule(long inNanos, int what, ulong argument)
        => _cluster.Simulator.Schedule(_cluster.Simulator.Now + inNanos, this, what, argument);
}
