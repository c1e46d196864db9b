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

    public Members Members => members;

    /// <summary>Runs a call to its end.</summary>
    public async ValueTask<TResponse> RunAsync<TRequest, TResponse>(
        Call<TRequest, TResponse> call, TRequest request, TimeSpan? timeout, CancellationToken cancellation, bool isBulk = false, Uri? at = null)
        where TResponse : new()
    {
        var time = options.Time;
        var started = time.GetTimestamp();
        var patience = timeout ?? options.Timeout;
        var channel = isBulk ? channels.Bulk : channels.Prompt;
        var isWrite = call.Repeat != RepeatRule.Freely;
        var mayBeDone = false;
        KnownMember? member = null;
        for (var attempt = 1; ; attempt++)
        {
            member = at is null ? members.Pick(butNot: member) : null;
            var address = at ?? member!.Address;
            Failure failure;
            member?.BeginWait();
            try
            {
                return await AttemptAsync(channel, call, request, address, member, patience - time.GetElapsedTime(started), cancellation)
                    .ConfigureAwait(false);
            }
            catch (RpcException e)
            {
                failure = Failure.Of(e);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                // The member was found to be no good while the call waited for it.
                failure = new(new RpcException(RpcStatusCode.Unavailable, $"{address}: the member does not answer"), Aftermath.Unknown, false);
            }
            finally
            {
                member?.EndWait();
            }

            if (failure.IsMemberAtFault)
            {
                member?.Leave();
            }

            if (await RenewsTokenAsync(failure, attempt, cancellation).ConfigureAwait(false))
            {
                continue;
            }

            if (mayBeDone && call.DoneText is { } done && failure.Cause.Status.Detail == done)
            {
                return new TResponse();
            }

            mayBeDone |= failure.Aftermath == Aftermath.Unknown;
            var mayRepeat = call.Repeat switch
            {
                RepeatRule.Freely => failure.Aftermath == Aftermath.NotDone || failure.Cause is { Code: RpcStatusCode.Unavailable },
                RepeatRule.IfNotDone => failure.Aftermath == Aftermath.NotDone && !mayBeDone,
                _ => false,
            };
            var pause = mayRepeat ? PauseBefore(attempt) : default;
            if (!mayRepeat || time.GetElapsedTime(started) + pause >= patience)
            {
                throw failure.ToException(isWrite, mayBeDone, address);
            }

            if (pause > TimeSpan.Zero)
            {
                await Task.Delay(pause, time, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask<TResponse> AttemptAsync<TRequest, TResponse>(
        RpcChannel channel,
        Call<TRequest, TResponse> call,
        TRequest request,
        Uri address,
        KnownMember? member,
        TimeSpan left,
        CancellationToken cancellation)
    {
        var attempt = new RpcCallOptions
        {
            Address = address,
            Timeout = left,
            Metadata = call.NeedsLeader ? NeedsLeader : null,
            CancellationToken = cancellation,
        };
        if (credentials is not null && !ReferenceEquals(call, Methods.Authenticate))
        {
            var token = await credentials.TokenAsync(cancellation).ConfigureAwait(false);
            attempt = attempt with { Metadata = Credentials.With(attempt.Metadata, token) };
        }

        if (call.Repeat != RepeatRule.Freely || member is null || members.Count == 1)
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

    private async ValueTask<bool> RenewsTokenAsync(Failure failure, int attempt, CancellationToken cancellation)
    {
        if (credentials is null || attempt > 2 || !Credentials.IsOutdated(failure.Cause))
        {
            return false;
        }

        await credentials.RenewAsync(cancellation).ConfigureAwait(false);
        return true;
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
