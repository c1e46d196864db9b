using System.Diagnostics;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.Client.Calls;

/// <summary>
/// Makes unary calls: picks the member, keeps the time, repeats what may be repeated, and says what happened in the client's
/// own exceptions.
/// </summary>
internal sealed partial class Caller(RaftKvClientOptions options, Members members, Channels channels, Credentials? credentials)
{
    // Refused at once by a member that knows no leader, instead of waiting there for one.
    private static readonly RpcMetadata NeedsLeader = new() { { "hasleader", "true" } };

    // A client that has been quiet for long is told once; more often only if others write in masses meanwhile.
    private const int MaxRenamings = 3;

    // A token may go the way of the one before it while the call is under way.
    private const int MaxRenewals = 2;

    private readonly RequestNames _names = new();

    public Members Members => members;

    /// <summary>Runs a call to its end.</summary>
    public ValueTask<TResponse> RunAsync<TRequest, TResponse>(
        Call<TRequest, TResponse> call, TRequest request, TimeSpan? timeout, CancellationToken cancellation, bool isBulk = false, Uri? at = null)
        where TResponse : new()
        => Telemetry.IsOn
            ? RunMeasuredAsync(call, request, timeout, isBulk, at, cancellation)
            : RunUnmeasuredAsync(call, request, timeout, isBulk, at, null, cancellation);

    private async ValueTask<TResponse> RunMeasuredAsync<TRequest, TResponse>(
        Call<TRequest, TResponse> call, TRequest request, TimeSpan? timeout, bool isBulk, Uri? at, CancellationToken cancellation)
        where TResponse : new()
    {
        using var activity = Telemetry.Start(call.Method);
        var started = options.Time.GetTimestamp();
        Exception? failure = null;
        try
        {
            return await RunUnmeasuredAsync(call, request, timeout, isBulk, at, activity, cancellation).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            failure = e;
            throw;
        }
        finally
        {
            Telemetry.End(call.Method, activity, options.Time.GetElapsedTime(started), failure);
        }
    }

    private async ValueTask<TResponse> RunUnmeasuredAsync<TRequest, TResponse>(
        Call<TRequest, TResponse> call,
        TRequest request,
        TimeSpan? timeout,
        bool isBulk,
        Uri? at,
        Activity? activity,
        CancellationToken cancellation)
        where TResponse : new()
    {
        var time = options.Time;
        var started = time.GetTimestamp();
        var patience = timeout ?? options.Timeout;
        var channel = isBulk ? channels.Bulk : channels.Prompt;
        var isWrite = call.IsWrite;
        var mayBeDone = false;
        var renewals = 0;
        var renamings = 0;
        var name = default(RequestName);
        var last = default(Failure);
        KnownMember? member = null;
        for (var attempt = 1; ; attempt++)
        {
            member = at is null ? members.Pick(butNot: member) : null;
            var address = at ?? member!.Address;
            if (call.CanCarryRequestId && member is not null && options.RepeatsWrites)
            {
                var isRecognised = await IsRecognisedAsync(member, cancellation).ConfigureAwait(false);
                for (var others = 1; !member.IsFit && member.RecognisesRequests is null && others < members.Count; others++)
                {
                    member = members.Pick(butNot: member);
                    isRecognised = await IsRecognisedAsync(member, cancellation).ConfigureAwait(false);
                }

                address = member.Address;
                if (mayBeDone && !isRecognised)
                {
                    throw last.ToException(isWrite, mayBeDone, address);
                }

                name = !isRecognised ? default : name.IsNone ? _names.Next() : name;
            }

            member?.BeginWait();
            try
            {
                var response = await AttemptAsync(
                    channel, call, request, address, member, name, activity, patience - time.GetElapsedTime(started), cancellation).ConfigureAwait(false);
                if (!name.IsNone)
                {
                    _names.Saw(RequestNames.RevisionOf(response));
                }

                return response;
            }
            catch (RpcException e)
            {
                last = Failure.Of(e, isOfRaftKv: member?.RecognisesRequests == true);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                // The member was found to be no good while the call waited for it.
                last = new(new RpcException(RpcStatusCode.Unavailable, $"{address}: the member does not answer"), Aftermath.Unknown, false);
            }
            finally
            {
                member?.EndWait();
            }

            if (last.IsMemberAtFault)
            {
                member?.Leave(last.Cause.Status.Detail);
            }

            if (credentials is not null && renewals < MaxRenewals && Credentials.IsOutdated(last.Cause))
            {
                renewals++;
                await credentials.RenewAsync(cancellation).ConfigureAwait(false);
                continue;
            }

            if (!mayBeDone && renamings < MaxRenamings && last.Cause.Status.Detail == RequestNames.TooOldText)
            {
                // Nothing was done under this name. A name that is born now says so to the members.
                await LookAtRevisionAsync(patience - time.GetElapsedTime(started), cancellation).ConfigureAwait(false);
                name = default;
                renamings++;
                continue;
            }

            if (mayBeDone && call.DoneTexts.Contains(last.Cause.Status.Detail))
            {
                return new TResponse();
            }

            mayBeDone |= last.Aftermath == Aftermath.Unknown;
            var mayRepeat = call.Repeat switch
            {
                RepeatRule.Freely => IsWorthRepeating(last),
                RepeatRule.IfNotDone when !name.IsNone => IsWorthRepeating(last),
                RepeatRule.IfNotDone when options.Faults.RepeatsOnUnavailable => IsWorthRepeating(last),
                RepeatRule.IfNotDone => last.Aftermath == Aftermath.NotDone && !mayBeDone,
                _ => false,
            };
            var pause = mayRepeat ? PauseBefore(attempt) : default;
            if (!mayRepeat || time.GetElapsedTime(started) + pause >= patience)
            {
                throw last.ToException(isWrite, mayBeDone, address);
            }

            Telemetry.Repeated(call.Method);
            if (pause > TimeSpan.Zero)
            {
                await Task.Delay(pause, time, cancellation).ConfigureAwait(false);

                // It may have taken longer. An attempt without time would end as one that took too long, and hide why.
                if (time.GetElapsedTime(started) >= patience)
                {
                    throw last.ToException(isWrite, mayBeDone, address);
                }
            }
        }
    }

    private static bool IsWorthRepeating(in Failure failure)
        => failure.Aftermath == Aftermath.NotDone || failure.Cause.Code == RpcStatusCode.Unavailable;

    private async ValueTask<TResponse> AttemptAsync<TRequest, TResponse>(
        RpcChannel channel,
        Call<TRequest, TResponse> call,
        TRequest request,
        Uri address,
        KnownMember? member,
        RequestName name,
        Activity? activity,
        TimeSpan left,
        CancellationToken cancellation)
    {
        var attempt = new RpcCallOptions
        {
            Address = address,
            Timeout = left,
            Metadata = !name.IsNone ? name.ToMetadata() : call.NeedsLeader ? NeedsLeader : null,
            CancellationToken = cancellation,
        };
        if (activity is { IdFormat: ActivityIdFormat.W3C, Id: { } trace })
        {
            attempt = attempt with { Metadata = Credentials.With(attempt.Metadata, trace, "traceparent") };
        }

        if (credentials is not null && !ReferenceEquals(call, Methods.Authenticate))
        {
            var token = await credentials.TokenAsync(cancellation).ConfigureAwait(false);
            attempt = attempt with { Metadata = Credentials.With(attempt.Metadata, token) };
        }

        if ((call.Repeat != RepeatRule.Freely && name.IsNone) || member is null || members.Count == 1)
        {
            var only = await SendAsync(channel, call.Method, request, attempt).ConfigureAwait(false);
            Answered(call, member);
            return only;
        }

        // There is an elsewhere to go to, and no harm in going.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, member.Left);
        var response = await SendAsync(channel, call.Method, request, attempt with { CancellationToken = stop.Token }).ConfigureAwait(false);
        Answered(call, member);
        return response;
    }

    private static ValueTask<TResponse> SendAsync<TRequest, TResponse>(
        RpcChannel channel, RpcMethod<TRequest, TResponse> method, TRequest request, RpcCallOptions attempt)
        => method.Shape == RpcShape.Unary ? channel.UnaryAsync(method, request, attempt) : AskStreamAsync(channel, method, request, attempt);

    // What needs no leader says nothing about whether the member has one.
    private static void Answered<TRequest, TResponse>(Call<TRequest, TResponse> call, KnownMember? member)
    {
        if (call.NeedsLeader)
        {
            member?.Return();
        }
    }

    // All members are tried once without a pause.
    private TimeSpan PauseBefore(int attempt)
    {
        var rounds = attempt / members.Count;
        if (attempt % members.Count != 0)
        {
            return TimeSpan.Zero;
        }

        lock (options.Chance)
        {
            return options.RetryPause.After(rounds, options.Chance.NextDouble());
        }
    }
}
