using RaftKv.Server.Replica;
using RaftKv.Storage.Leases;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Simulation.Whole;

/// <summary>What clients ask of a member, as its services ask it. Whoever waits is looked at after each step.</summary>
internal sealed partial class WholeMember
{
    private readonly List<WaitingCall> _waiting = [];

    /// <summary>Puts a command into the log.</summary>
    public void Propose(KvCall call)
    {
        if (IsRefused(call))
        {
            return;
        }

        call.RequestId = NextRequestId();
        var payload = call.LeaseCommand is { } lease
            ? lease(call.RequestId)
            : CommandEnvelope.Encode(call.RequestId, Caller.Nobody, call.Command, call.Request.Span, call.Name);
        Propose(call, payload);
    }

    /// <summary>Reads what every write acknowledged before the call has left.</summary>
    public void Read(KvCall call)
    {
        if (IsRefused(call))
        {
            return;
        }

        _waiting.Add(new WaitingCall(call, Answer: default, _stages.Reads.WaitAsync()) { Next = ReadLocally });
        _stages.Inbox.Post(ReplicaInput.Read);
        LookAtCalls();
    }

    /// <summary>Reads what is here.</summary>
    public void ReadLocally(KvCall call)
    {
        if (IsRefused(call))
        {
            return;
        }

        using var view = _stages.Applier.Published.Keys.OpenView();
        var query = RangeQuery.Read(call.Request);
        var error = RangeRead.Check(query, view.Revision, view.Compacted);
        var body = new WireWriter();
        if (error == StateError.None)
        {
            RangeRead.Run(query, view, body);
        }

        call.Answer(new KvReply(Refusal: null, error, view.Revision, body.Written.ToArray()));
    }

    private bool IsRefused(KvCall call)
    {
        if (_stages.Mending.IsOutOfService)
        {
            call.Answer(new KvReply(RequestRefusal.OutOfService, StateError.None, 0, default));
        }

        return _stages.Mending.IsOutOfService;
    }

    /// <summary>Keeps a lease alive, if this member leads.</summary>
    public void Renew(KvCall call)
    {
        var now = _world.Time.GetTimestamp();
        var outcome = _stages.Leases.Renew(call.Lease);
        switch (outcome)
        {
            case LeaseRenewal.Renewed:
                // Nothing is waited for to be applied, as in life: no revocation that anybody can know of escaped the clock.
                if (_stages.Leases.HasLed(now, _standing.Term))
                {
                    AnswerRenewed(call);
                }
                else
                {
                    Await(
                        call,
                        _stages.Reads.ConfirmAsync(),
                        renewed =>
                        {
                            _stages.Leases.Led(now);
                            AnswerRenewed(renewed);
                        });
                }

                break;
            case LeaseRenewal.RenewedPastCheckpoint:
                // Answered when the next leader would know of it, too, if it is still there then.
                call.RequestId = NextRequestId();
                var command = new LeaseCheckpointCommand([new LeaseRemaining(call.Lease, 0)]);
                Propose(call, CommandEnvelope.Encode(call.RequestId, Caller.Nobody, command), Answer);
                break;
            case LeaseRenewal.Unknown:
                Await(call, _stages.Reads.WaitAsync(), AnswerUnknown);
                break;
            default:
                call.Answer(new KvReply(RequestRefusal.NotLeader, StateError.None, 0, default));
                break;
        }
    }

    // What the clock of a leader says counts if nobody else can have led.
    private void Await(KvCall call, Task turn, Action<KvCall> answer)
    {
        var since = _standing;
        _waiting.Add(new WaitingCall(call, Answer: default, turn)
        {
            Next = waited =>
            {
                if (since.IsLeader && _standing.IsLeader && _standing.Term == since.Term)
                {
                    answer(waited);
                }
                else
                {
                    waited.Answer(new KvReply(RequestRefusal.NotLeader, StateError.None, 0, default));
                }
            },
        });
        _stages.Inbox.Post(ReplicaInput.Read);
    }

    private void AnswerUnknown(KvCall call)
        => call.Answer(_stages.Leases.Renew(call.Lease) == LeaseRenewal.Unknown
            ? new KvReply(Refusal: null, StateError.LeaseNotFound, 0, default)
            : new KvReply(RequestRefusal.NotLeader, StateError.None, 0, default));

    private static void AnswerRenewed(KvCall call) => call.Answer(new KvReply(Refusal: null, StateError.None, 0, default));

    private void Answer(KvCall call)
    {
        var isThere = _stages.Store.Machine.Leases.Contains(call.Lease);
        call.Answer(new KvReply(Refusal: null, isThere ? StateError.None : StateError.LeaseNotFound, 0, default));
    }

    private void Propose(KvCall call, ReadOnlyMemory<byte> payload, Action<KvCall>? answer = null)
    {
        _waiting.Add(new WaitingCall(call, _stages.Answers.ExpectAsync(call.RequestId), Turn: null) { Next = answer });
        _stages.Inbox.Post(ReplicaInput.Proposal(payload, call.RequestId));
    }

    private void LookAtCalls()
    {
        for (var i = 0; i < _waiting.Count; i++)
        {
            var waiting = _waiting[i];
            if (!waiting.IsOver)
            {
                continue;
            }

            _waiting.RemoveAt(i--);
            if (waiting.Take(out var answer) is { } refusal)
            {
                waiting.Call.Answer(new KvReply(refusal, StateError.None, 0, default));
            }
            else if (waiting.Next is { } next)
            {
                next(waiting.Call);
            }
            else
            {
                waiting.Call.Answer(new KvReply(Refusal: null, answer.Error, answer.Revision, answer.Body));
            }
        }
    }

    private sealed record WaitingCall(KvCall Call, ValueTask<Answer> Answer, Task? Turn)
    {
        /// <summary>Answers, if not what it waited for is the answer.</summary>
        public Action<KvCall>? Next { get; init; }

        public bool IsOver => Turn?.IsCompleted ?? Answer.IsCompleted;

        /// <summary>Takes what it waited for, once that is there; or why there is nothing.</summary>
        public RequestRefusal? Take(out Answer answer)
        {
            answer = default;
            try
            {
#pragma warning disable VSTHRD002 // It is done.
                if (Turn is not null)
                {
                    Turn.GetAwaiter().GetResult();
                }
                else
                {
                    answer = Answer.GetAwaiter().GetResult();
                }
#pragma warning restore VSTHRD002
                return null;
            }
            catch (RequestRefusedException refused)
            {
                return refused.Reason;
            }
        }
    }
}

/// <summary>Something that a client asks of a member.</summary>
internal sealed class KvCall
{
    public CommandKind Command { get; init; }

    /// <summary>As it came over the wire.</summary>
    public ReadOnlyMemory<byte> Request { get; init; }

    /// <summary>Makes the payload of a command about leases.</summary>
    public Func<ulong, byte[]>? LeaseCommand { get; init; }

    /// <summary>To be renewed.</summary>
    public long Lease { get; init; }

    /// <summary>What the client calls it; none if it is not sent again.</summary>
    public ClientRequest Name { get; init; }

    /// <summary>Under which it stands in the log; 0 if it never got that far.</summary>
    public ulong RequestId { get; set; }

    public required Action<KvReply> Answer { get; init; }
}

/// <summary>What a member says.</summary>
/// <param name="Refusal">Why it was given up, if it was.</param>
/// <param name="Error">Why it had no effect; none if it had.</param>
/// <param name="Revision">Of the header.</param>
/// <param name="Body">The response message, all but its header.</param>
internal readonly record struct KvReply(RequestRefusal? Refusal, StateError Error, long Revision, ReadOnlyMemory<byte> Body);
