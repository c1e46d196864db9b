using System.Runtime.CompilerServices;

namespace RaftKv.Rpc.Client;

/// <summary>One request, one response.</summary>
internal static class UnaryCall
{
    /// <summary>Runs the call to its end, and disposes it.</summary>
    /// <returns>The message, and the response it came in for whoever wants its headers and trailers.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public static async ValueTask<UnaryReply<TResponse>> RunAsync<TResponse>(ClientCall call, MessageCodec<TResponse> codec)
    {
        using var owned = call;
        while (true)
        {
            var (response, failure) = await call.OpenAsync().ConfigureAwait(false);
            if (response is not null)
            {
                using var body = new SingleMessage(call.MaxReceiveMessageBytes, ResponseStatus.IsGzip(response));
                try
                {
                    var stream = response.Content.ReadAsStream();
                    while (true)
                    {
                        var count = await stream.ReadAsync(body.Room(), call.Lifetime.Token).ConfigureAwait(false);
                        if (count == 0)
                        {
                            failure = ResponseStatus.OfEnd(response, call.MaxHeaderBytes);
                            break;
                        }

                        if (!body.TryAdvance(count, out failure))
                        {
                            break;
                        }
                    }
                }
                catch (Exception e) when (CallFailure.IsTransport(e))
                {
                    failure = call.FailureOf(e);
                }
                finally
                {
                    // Resets the stream unless all of it was read.
                    response.Dispose();
                }

                if (failure.Status.IsOk && body.TryRead(codec, out var message, out failure))
                {
                    return new(message, response);
                }
            }

            if (!await call.MayRepeatAsync(failure).ConfigureAwait(false))
            {
                throw call.ToException(failure);
            }
        }
    }
}

internal readonly record struct UnaryReply<TResponse>(TResponse Message, HttpResponseMessage Response);

/// <summary>A response with what came around it.</summary>
public readonly record struct RpcResponse<TResponse>(TResponse Message, RpcMetadata Headers, RpcMetadata Trailers);
